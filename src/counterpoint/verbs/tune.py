"""The verb ``tune``: search the choices of a plan on the user's data, with the same time for each trial."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from torch import nn

from counterpoint.data.labels import pair
from counterpoint.errors import Interrupted
from counterpoint.output.results import Result
from counterpoint.plans import Plan, TunePlan, choices_in
from counterpoint.plans.data_options import ReadOptions
from counterpoint.runs.locks import holds_out
from counterpoint.setup.dataset import chosen
from counterpoint.setup.defaults import completed
from counterpoint.storage.files import expanded
from counterpoint.training.signals import stop_requests
from counterpoint.tuning.outcome import tuning_table
from counterpoint.tuning.request import TuneRequest, open_search, search_folder
from counterpoint.tuning.search import Budget
from counterpoint.tuning.study import quiet as silent_study
from counterpoint.tuning.study import require
from counterpoint.verbs.verb import verb


@verb(Plan, TunePlan, ReadOptions)
@holds_out
def tune(
    source: object,
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
    encoder: str | nn.Module = "auto",
    weights: str | None = None,
    width: int | None = None,
    head_layers: int | None = None,
    head_hidden: int | None = None,
    head_outputs: int | None = None,
    matryoshka: str | None = None,
    views: str | Callable[..., Any] = "auto",
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
    trials: int | None = None,
    repeats: int | None = None,
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
    """Search the choices of a plan: each trial trains for the same time, and the poorer half is stopped early.

    The first trial is the default plan; at the end it and the best are repeated with other seeds. With labels a trial
    is scored by a linear probe on held-out items, without by one label-free measure; all measures are recorded.

    Choices that are given are not searched. ``minutes`` is the time of the whole search, 30 when left out; with
    ``epochs``, the length of each trial, ``trials`` is their number.

    Args:
        source: As for ``fit``. It is opened once.
        out: The folder: ``best.json``, ``trials.json``, ``report.html``, and ``search.jsonl`` to resume from.
        labels: As for ``evaluate``, or ``own`` for those that the source contains. Without them no labels are used.
        test: Labelled test items; a fifth of every class of ``source`` when left out.
        resume: Continue the search in ``out``, for what is left of the minutes.
        overwrite: Replace the search in ``out``.
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
        trials: The largest number of plans; None for 20 where epochs are given.
        repeats: Further seeds for the best and the default plan; None for 2.
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
        The contents of ``best.json`` (``choices``, ``command``, ``best``, ``usual``, ``repeated``, ``sentence``), with
        ``trials``, ``correlations`` of the measures with the probe, and ``importances`` of the choices.

    Raises:
        InputError: The source, a choice, the labels or the folder cannot be used, or no plan could be trained.
        MissingPackage: optuna is not installed.
        Interrupted: Ctrl-C or SIGTERM; finished trials are kept.
    """
    began = monotonic()
    require()
    choices, tuned = choices_in(locals(), Plan, ReadOptions), TunePlan.of(choices_in(locals(), TunePlan))
    plan, user_parts = chosen(choices, labels=labels)
    of_items, of_test = pair(user_parts.groups, separate=test is not None, what="group")
    user_parts = dataclasses.replace(user_parts, groups=of_items)
    place = search_folder(expanded(out))
    budget = Budget.of(plan, tuned)
    completed(plan)
    place.require(resume=resume, overwrite=overwrite)
    plan = dataclasses.replace(plan, minutes=None)
    request = TuneRequest(source, labels, test, place, plan, user_parts, budget, resume, of_test)
    with silent_study(), stop_requests() as stop:
        search = open_search(request, stop, began)
        try:
            search.search()
            search.repeat()
        except Interrupted:
            search.finish()
            raise Interrupted(
                f"Stopped after {len(search.study.records())} plans, which lie in '{out}'. Go on with the same command "
                "and --resume."
            ) from None
        return Result(search.finish() or search.nothing(), tuning_table)
