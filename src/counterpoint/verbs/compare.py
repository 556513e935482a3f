"""The verb ``compare``: several methods on the user's data, each for the same time, with several seeds."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint import catalogue
from counterpoint.data.labels import pair
from counterpoint.errors import InputError, PlanError
from counterpoint.modality import DataOptions
from counterpoint.output.results import Result
from counterpoint.plans import ComparePlan, Plan, choices_in
from counterpoint.plans.data_options import ReadOptions, listed_groups
from counterpoint.reports.comparison import write_comparison
from counterpoint.runs import run_folder
from counterpoint.runs.locks import holds_out
from counterpoint.runs.provenance import command, described, directory, placed
from counterpoint.setup.capabilities import learns_from_labels
from counterpoint.setup.dataset import open_source, without_column
from counterpoint.setup.progress import console, decoding
from counterpoint.storage.files import expanded, write_json
from counterpoint.tuning.contenders import contender, require_all
from counterpoint.tuning.contest import RECORD, RIGHT, Contest, start, summary, write_right
from counterpoint.tuning.labelled_items import questions
from counterpoint.tuning.output_folder import Folder
from counterpoint.tuning.standings import contest_table
from counterpoint.verbs.fit import fit
from counterpoint.verbs.verb import verb

MINUTES = 3.0
"""Minutes for each run where neither time nor epochs are given."""


@verb(Plan, ComparePlan, ReadOptions)
@holds_out
def compare(
    source: object,
    methods: str | Sequence[str],
    *,
    out: str | Path,
    labels: object = None,
    test: object = None,
    resume: bool = False,
    overwrite: bool = False,
    recipe: str | None = None,
    modality: str = "auto",
    method: str = "simclr",
    objective: str = "auto",
    negatives: str = "auto",
    similarity: str = "auto",
    temperature: float | str | None = None,
    encoder: str = "auto",
    weights: str | None = None,
    width: int | None = None,
    head_layers: int | None = None,
    head_hidden: int | None = None,
    head_outputs: int | None = None,
    matryoshka: str | None = None,
    views: str = "auto",
    view_size: int | None = None,
    local_views: int | None = None,
    epochs: int | None = None,
    minutes: float | None = None,
    batch_size: int | None = None,
    micro_batch: int | None = None,
    optimizer: str = "auto",
    learning_rate: float | None = None,
    scaling: str = "auto",
    schedule: str = "auto",
    weight_decay: float | None = None,
    warmup: float | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    track: str | None = None,
    save_every: int | None = None,
    seeds: int = 3,
    column: str | Sequence[str] | None = None,
    without: str | Sequence[str] | None = None,
    schema: str | Mapping[str, str] | None = None,
    id: str | None = None,
    time: str | None = None,
    groups: str | Iterable[object] | None = None,
    label_first: bool = False,
    header: bool = True,
    encoding: str | None = None,
    quoting: str = "auto",
    min_count: int | None = None,
    tokens: str = "words",
    range: str | Sequence[float] | None = None,
    channel_axis: str = "auto",
    window: int | None = None,
    stride: int = 1,
    quiet: bool = False,
) -> Result:
    """Train every method for the same time on the same data, and compare their representations.

    All runs have the same encoder, views and time, and are evaluated on the same test items by a linear probe and kNN,
    beside raw features and each seed's untrained encoder. Methods that learn from labels use those of the training
    items. Runs go seed by seed, so that an interrupted comparison already has a result; finished runs are not repeated.
    ``minutes`` is the time of each run, 3 where neither that nor
    ``epochs`` is given, and ``method`` is left out.

    Args:
        source: As for ``fit``.
        methods: Names separated by commas, or a list of them: counterpoint list methods. Each may have options in
            brackets, followed by choices of its own: ``simclr, moco(queue=1024), simclr negatives=cancelled``.
        out: The folder: runs are in ``runs``, the result is in ``comparison.json`` and ``report.html``.
        labels: As for ``evaluate``; only methods that need labels learn from them.
        test: Labelled test items; a fifth of every class of ``source`` when left out.
        resume: Continue the comparison in ``out``.
        overwrite: Replace the comparison in ``out``.
        recipe: Choices of a published run, for those that are left open: counterpoint list recipes.
        modality: Modality, or auto to recognise it: counterpoint list modalities.
        method: Method: counterpoint list methods.
        objective: Contrastive loss; auto for the method's own: counterpoint list objectives.
        negatives: Which candidates are negatives; auto for the method's own: counterpoint list negatives.
        similarity: Similarity of two vectors; auto for the objective's own: counterpoint list similarities.
        temperature: Temperature; lower weights hard negatives more. None for the method's own, mostly 0.1; or a learned
            or scheduled one: counterpoint list temperatures.
        encoder: Network, or timm:NAME, or hf:PATH of text or images: counterpoint list encoders.
        weights: File of weights that the encoder starts from: .safetensors, .pt or .pth; matched by name and shape.
        width: Width of the encoder's first stage; None for the encoder's own.
        head_layers: Linear layers of the projection head, 0 for none; None for the method's own, mostly 2.
        head_hidden: Width of the head's hidden layers; None for the method's own, mostly 512.
        head_outputs: Length of the vectors that are compared; None for the method's own, mostly 128.
        matryoshka: Shorter lengths at which vectors shall be usable, such as 64,128; without a head (Matryoshka).
        views: Augmentation preset, or package.module:name: counterpoint list views.
        view_size: Height and width of an image's view in pixels, or tokens of a text; None to fit the data.
        local_views: Smaller views of each item beside the usual two (multi-crop), for methods that can use them; None
            for none.
        epochs: Passes over the data, 0 to take a pretrained encoder as it is; None to fit the size of the data.
        minutes: Time for the whole run; plans the epochs.
        batch_size: Items compared in one step; None for the method's own, mostly 256, and fewer for small data.
        micro_batch: Items per forward pass (gradient caching), for batches beyond memory: same gradient; None for all.
        optimizer: Optimiser; auto for the method's own, mostly adamw: counterpoint list optimizers.
        learning_rate: For a batch of 256; grows with the batch by --scaling. None for the optimiser's own, or the
            method's.
        scaling: How the learning rate grows with the batch; auto for sqrt, its square root: counterpoint list scalings.
        schedule: Learning-rate schedule after the warm-up; auto for cosine: counterpoint list schedules.
        weight_decay: Weight decay, not applied to biases and norms.
        warmup: Warm-up as a share of the steps; None for 0.05, more in short runs.
        seed: Random seed of the run.
        device: cpu, cuda, mps, or auto.
        precision: bf16, fp32, or auto: bf16 where this machine computes it correctly and faster.
        track: Where else to write the curves: counterpoint list trackers.
        save_every: Steps between saved states; None for about once a minute.
        seeds: Runs per method, with the plan's seed and those that follow it.
        column: Columns to learn from, separated by commas; inferred when left out.
        without: Columns not to learn from, separated by commas.
        schema: Roles of columns where they are inferred wrongly, such as 'zip:category, note:ignore'. Roles: text,
            number, category, label, id, group, time, path, pair, score, ignore.
        id: The column with the names of items; for series, of the series of each row.
        time: The column of times, by which the steps of a series are sorted.
        groups: Groups of items that no split separates, such as patient or speaker: a column; folder, for the folder
            below that of the class; an .npy file with one entry per item; or a .csv file of name and group.
        label_first: The first column is a label, as in files of the UCR archive.
        header: Whether the first line of a file of columns holds their names.
        encoding: Encoding of text files, such as cp1252, gbk, shift_jis; detected if None.
        quoting: Quotation marks in a file of columns: none if they are part of the text, standard if cells may span
            several lines, or auto to decide and ask if it is unclear.
        min_count: How often a whole word must occur to be in the vocabulary; None for 5, or 2 in small texts.
        tokens: words, or spaces for text that is tokenised already: then case and punctuation stay as they are.
        range: Pixel values of black and of full brightness, such as 0,4095; measured when left out.
        channel_axis: The channel axis of an array: first (n, c, ...), last (n, ..., c), or auto for the shorter axis.
        window: Steps of a window: then items are windows of long series, and not whole series.
        stride: Steps from one window to the next.
        quiet: Print nothing.

    Returns:
        ``methods``, best first, each with ``linear`` and ``knn`` (``value``, ``low``, ``high`` over seeds and items),
        ``differences`` to the baselines and ``best_minus``, the best method's difference to it (the same, paired,
        corrected for multiple comparisons), ``epochs`` and ``verdicts``; ``baselines``; and ``sentence``, the verdict.

    Raises:
        InputError: A method, a choice, the labels or the folder cannot be used; nothing has been trained then.
    """
    requested, data = Plan.of(choices_in(locals(), Plan)), ReadOptions.given(choices_in(locals(), ReadOptions))
    wanted = catalogue.several(methods) if isinstance(methods, str) else list(methods)
    of_items, of_test = pair(listed_groups(groups), separate=test is not None, what="group")
    plan, folder = _shared_plan(wanted, requested), expanded(out)
    place = Folder(folder, RECORD, "comparison")
    place.require(resume=resume, overwrite=overwrite)
    options = DataOptions(
        kind=plan.modality,
        views=plan.views,
        view_size=plan.view_size,
        data=data,
        labels=labels,
        progress=decoding(),
        groups=of_items,
    )
    kind, items = open_source(source, options)
    data = without_column(data, labels, kind)
    probe_items = questions(kind, source, items, test=test, labels=labels, seed=plan.seed, groups=of_test)
    require_all(plan, wanted, source, kind, items, probe_items.learnable)
    contest = Contest(folder, source, data, plan, probe_items, of_items)
    record = {
        **placed("source", source),
        **placed("test", test),
        "labels": described(labels),
        "data": data.record(),
        "command": command(),
        "directory": directory(),
        "asked": {"methods": wanted, "seeds": seeds, **plan.record()},
        "machine": run_folder.machine(),
        "identity": probe_items.identity(kind, items, plan.encoder),
    }
    if resume:
        place.require_same(record, ("source", "test", "labels", "data"), free=("methods", "seeds"))
    else:
        start(folder, record)
    probe_items.announce()
    return _contested(contest, wanted, seeds, record, np.stack([probe_items.raw(kind)]))


def _contested(
    contest: Contest, methods: Sequence[str], seeds: int, record: Mapping[str, Any], raw: np.ndarray
) -> Result:
    """Train all methods with one seed after another; the record is rewritten after each."""
    for count in range(1, seeds + 1):
        for method in methods:
            _done(contest, method, contest.plan.seed + count - 1)
        result = {**record, **summary(contest, methods, count, raw)}
        write_json(contest.folder / RECORD, result)
    write_comparison(contest.folder, result)
    return Result(result, contest_table)


def _shared_plan(methods: Sequence[str], plan: Plan) -> Plan:
    """The plan that all methods share, after checking that each of them fits it."""
    if not methods:
        raise InputError(f"Name the methods to compare, such as {', '.join(catalogue.names('method')[:3])}.")
    if len(set(methods)) < len(methods):
        raise InputError("A method is named twice. Name each once; --seeds repeats all of them.")
    if plan.method != Plan.method:
        raise PlanError("Methods are compared: name them with --methods, and leave out --method.")
    if plan.minutes is None and plan.epochs is None:
        plan = dataclasses.replace(plan, minutes=MINUTES)
    for method in methods:
        contender(plan, method)
    return plan


def _done(contest: Contest, method: str, seed: int) -> None:
    """Train and evaluate one run, unless that has been done."""
    folder = contest.run(method, seed)
    if (folder / RIGHT).exists():
        return
    plan = dataclasses.replace(contender(contest.plan, method), seed=seed)
    console().print(f"\n{method}, seed {seed}", markup=False)
    began = time.monotonic()
    learned = contest.probe_items.learnable if learns_from_labels(plan) else None
    going_on = (folder / run_folder.STATE).exists()
    model = fit(
        contest.source,
        out=folder,
        labels=learned,
        resume=going_on,
        overwrite=folder.exists() and not going_on,
        **(contest.data.record() | ({} if contest.groups is None else {"groups": contest.groups})),
        **plan.record(),
    )
    taken = time.monotonic() - began
    write_right(folder / RIGHT, contest.probe_items.right(model), contest.probe_items.right(model.untrained()), taken)
