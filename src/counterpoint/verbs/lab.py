"""The verb ``lab``: measure what views do to the user's items, to choose them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64

from counterpoint import rng
from counterpoint.data.groups import labelled_group_ids
from counterpoint.data.labels import Labels, read_class_ids
from counterpoint.data.subset import Subset
from counterpoint.errors import LabelError, PlanError, SourceError, listed
from counterpoint.evaluation.view_statistics import Effect, Known, Yardstick
from counterpoint.interfaces import Items
from counterpoint.modality import DataOptions, Modality
from counterpoint.model import Model, load
from counterpoint.output.results import Result
from counterpoint.plans import LabPlan, choices_in
from counterpoint.plans.data_options import ReadOptions, listed_groups
from counterpoint.reports.lab import strip, write_lab
from counterpoint.runs import run_folder
from counterpoint.runs.locks import holds_out
from counterpoint.runs.provenance import command, described, directory, placed
from counterpoint.setup.dataset import open_source
from counterpoint.setup.progress import announce_labels, console, decoding
from counterpoint.setup.supervision import unseen
from counterpoint.setup.train_test import open_grouped
from counterpoint.storage.files import expanded, write_json
from counterpoint.training.devices import choose_device
from counterpoint.tuning.lab_views import LabView, Views, lab_views, requested_views, require_drawable
from counterpoint.tuning.labelled_items import OWN
from counterpoint.tuning.output_folder import Folder
from counterpoint.tuning.view_remarks import Measure, advice, lab_table, note, remarks
from counterpoint.verbs.verb import verb

RECORD = "lab.json"


@verb(LabPlan, ReadOptions)
@holds_out
def lab(
    source: object,
    *,
    labels: object = None,
    views: Views | Sequence[Views] | None = None,
    model: Model | str | Path | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    modality: str = "auto",
    encoder: str = "auto",
    width: int | None = None,
    view_size: int | None = None,
    items: int = 1024,
    seed: int = 0,
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
    """Measure views: the similarity of two views, whether an item is recognised, and what class information is lost.

    Nothing is trained. Measured are the full augmentation, each of its changes alone, all at half and at double
    strength, and every preset that fits the data.

    Args:
        source: As for ``fit``.
        labels: As for ``evaluate``, or ``own`` for those that the source contains; without them damage is not measured.
        views: A spec, a callable, or several of those; the default views of the data when left out.
        model: A run, whose encoder replaces the untrained one; its views are the default.
        out: A folder for ``lab.json`` and ``report.html``.
        overwrite: Replace the lab in ``out``.
        modality: Kind of data, or auto to recognise it: counterpoint list modalities.
        encoder: Untrained network that views are measured with: counterpoint list encoders.
        width: Width of its first stage; None for the encoder's own.
        view_size: Height and width of an image's view in pixels; None to fit the data.
        items: Items to measure on, drawn at random; those with labels first.
        seed: Random seed.
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
        ``looks``, the full augmentation first, each with its ``views`` as ``fit`` takes them, ``similarity`` of views
        of one item, ``apart`` of others, ``accuracy`` and ``damage`` (``value``, ``low``, ``high``; shares), ``change``
        and ``remarks``; ``chance``, ``among``, ``items``, ``labels``, and ``advice`` with its ``level``.

    Raises:
        InputError: The source, the views, the labels, the model or the folder cannot be used.
    """
    requested, data = LabPlan.of(choices_in(locals(), LabPlan)), ReadOptions.given(choices_in(locals(), ReadOptions))
    place = None if out is None else Folder(expanded(out), RECORD, "lab", resumable=False)
    if place is not None:
        place.require(resume=False, overwrite=overwrite)
    kind, size, apart = requested.modality, requested.view_size, listed_groups(groups)
    options = DataOptions(kind=kind, view_size=size, data=data, labels=labels, groups=apart, progress=decoding())
    by, held = _open(source, model, requested, options)
    augmentations = list(lab_views(source, by.modality, requested_views(views), options, trained=model is not None))
    read = None if labels is None else _read(source, held, labels, by.modality)
    sample, labelled = _sampled(held, None if read is None else read.class_ids, requested)
    for augmentation in augmentations:
        require_drawable(augmentation, sample, by)
    yardstick = Yardstick(by, sample, labelled, seed=requested.seed, comparisons=len(augmentations))
    scale = Measure(1 / yardstick.among, model is not None, yardstick.gain)
    if read is not None:
        announce_labels(read, left_out=False, held_out=False)
    rows = []
    for number, augmentation in enumerate(augmentations, start=1):
        console().print(f"{number} of {len(augmentations)}  {augmentation.name}", markup=False)
        rows.append(_row(augmentation, yardstick(augmentation.modality), scale))
    level, sentence = advice(rows, scale)
    result: dict[str, Any] = {
        "level": level,
        "advice": sentence,
        "looks": rows,
        "chance": scale.chance,
        "among": yardstick.among,
        "items": len(sample),
        "labels": None if labelled is None else _label_record(labelled, yardstick),
        "classes": {} if read is None else read.counts(),
        **placed("source", source),
        "model": described(model),
        "modality": by.modality.name,
        "asked": requested.record(),
        "command": command(),
        "directory": directory(),
        "machine": run_folder.machine(),
    }
    result["note"] = note(result)
    if place is not None:
        write_json(place.path / RECORD, result)
        strips = [strip(augmentation.modality, sample, seed=requested.seed) for augmentation in augmentations]
        write_lab(place.path, result, strips, strip(by.modality, sample, seed=None))
    return Result(result, lab_table)


def _open(
    source: object, model: Model | str | Path | None, requested: LabPlan, options: DataOptions
) -> tuple[Model, Items]:
    """The encoder and labels that views are measured with, and the items."""
    if model is None:
        modality, items = open_source(source, options)
        with torch.random.fork_rng():
            torch.manual_seed(requested.seed)
            encoder = modality.build_encoder(requested.encoder, requested.width)
        return Model(encoder.to(choose_device("auto")), modality), items
    usual = LabPlan()
    fixed = [
        name
        for name in ("modality", "encoder", "width", "view_size")
        if getattr(requested, name) != getattr(usual, name)
    ]
    if fixed:
        raise PlanError(f"The model determines {listed(fixed)}. Leave that out, or leave out --model.")
    by = model if isinstance(model, Model) else load(model)
    return by, open_grouped(by, source, options.groups if options.groups is not None else options.data.groups)


def _sampled(
    items: Items, class_ids: Int64[np.ndarray, " n"] | None, requested: LabPlan
) -> tuple[Subset, Known | None]:
    """The measured items, in random order with labelled ones first, and their labels."""
    if len(items) < 20:
        raise SourceError(f"Views are measured on at least 20 items. Got {len(items)}.")
    order = rng.permutation(len(items), seed=requested.seed, epoch=-2).numpy()
    if class_ids is None:
        return Subset(items, order[: requested.items]), None
    first = order[np.argsort(class_ids[order] < 0, kind="stable")][: requested.items]
    rows = first[np.random.default_rng(requested.seed).permutation(len(first))]
    groups = labelled_group_ids(Subset(items, rows), class_ids[rows])
    labelled = Known.of(class_ids[rows], seed=requested.seed, groups=groups)
    if len(np.unique(labelled.labels)) < 2:
        raise LabelError(
            f"Damage is measured on two classes or more, each with two items among the {len(rows)} that are measured. "
            "Label more, give more --items, or leave out --labels."
        )
    return Subset(items, rows), labelled


def _read(source: object, items: Items, labels: object, modality: Modality) -> Labels:
    unseen(labels, modality)
    spec = None if isinstance(labels, str) and labels == OWN else labels
    read = read_class_ids(spec, source, items)
    if read.class_ids.ndim != 1:
        raise LabelError("Views are judged by one class for each item. These labels name several at once.")
    return read


def _row(augmentation: LabView, effect: Effect, scale: Measure) -> dict[str, Any]:
    row = {
        "name": augmentation.name,
        "kind": augmentation.kind,
        "of": augmentation.of,
        "views": augmentation.views,
        "similarity": effect.similarity,
        "apart": effect.apart,
        "raw": None if effect.raw is None else {"similarity": effect.raw[0], "apart": effect.raw[1]},
        "accuracy": effect.accuracy._asdict(),
        "damage": None if effect.damage is None else effect.damage._asdict(),
        "change": effect.change,
    }
    return {**row, "remarks": remarks(row, scale)}


def _label_record(labelled: Known, yardstick: Yardstick) -> Mapping[str, Any]:
    plain = yardstick.plain
    return {
        "items": len(labelled.rows),
        "classes": len(np.unique(labelled.labels)),
        "guessed": labelled.guessed(),
        "plain": None if plain is None else plain._asdict(),
    }
