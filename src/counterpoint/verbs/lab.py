"""The verb ``lab``: what every view does to one's own items, so that views are chosen with open eyes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch
from jaxtyping import Int64

from counterpoint import rng
from counterpoint.batch import length, to
from counterpoint.data.groups import labelled_group_ids
from counterpoint.data.labels import Labels, read_class_ids
from counterpoint.data.subset import Subset
from counterpoint.errors import InputError, LabelError, PlanError, SourceError, listed
from counterpoint.evaluation.view_statistics import Effect, Known, Yardstick
from counterpoint.interfaces import Items, Keys
from counterpoint.modality import DataOptions, Modality, augmentation_of
from counterpoint.model import Model, load
from counterpoint.output.results import Result
from counterpoint.plans import LabPlan
from counterpoint.reports.lab import strip, write_lab
from counterpoint.runs import run_folder
from counterpoint.runs.locks import holds_out
from counterpoint.runs.provenance import command, described, directory, placed
from counterpoint.setup.build import encoded_length
from counterpoint.setup.dataset import apart, open_source
from counterpoint.setup.progress import announce_labels, console, decoding, may_be_quiet
from counterpoint.setup.supervision import unseen
from counterpoint.setup.train_test import opened
from counterpoint.storage.files import expanded, write_json
from counterpoint.training.devices import choose_device
from counterpoint.tuning.output_folder import Folder
from counterpoint.tuning.view_remarks import Measure, advice, lab_table, note, remarks
from counterpoint.verbs.keywords import LabKeywords
from counterpoint.verbs.tune import OWN
from counterpoint.views.single_changes import alone, presets
from counterpoint.views.strength import strengthened

RECORD = "lab.json"

Views = str | Callable[..., Any]
"""A spec, or a function of the user's."""

STRENGTHS = {"half strength": 0.5, "double strength": 2.0}


@dataclass(frozen=True)
class LabView:
    """One way to look at items that is judged: ``kind`` is whole, part, strength or preset."""

    name: str
    kind: str
    of: str
    """The whole look that it is a part or a strength of."""
    modality: Modality
    views: str | None
    """As ``fit`` takes it; None for a callable."""


@may_be_quiet
@holds_out
def lab(
    source: object,
    *,
    labels: object = None,
    views: Views | Sequence[Views] | None = None,
    model: Model | str | Path | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    **choices: Unpack[LabKeywords],
) -> Result:
    """Say what views do: how alike two of them are, whether an item is found again, and what they take away.

    Nothing is trained. Judged are the whole look, each of its changes alone, the whole at half and at double strength,
    and every preset that fits the data.

    Args:
        source: As for ``fit``.
        labels: As for ``evaluate``, or ``own`` for those that the source carries; without them no damage is measured.
        views: A spec, a callable of the user's, or several of those; without any the usual views of the data.
        model: A run, whose encoder then takes the place of an untrained one; its views are the usual ones.
        out: A folder for ``lab.json`` and ``report.html``.
        overwrite: Replace the lab in ``out``.
        choices: Any field of ``LabPlan``: ``items`` (1024), ``seed``, and where there is no ``model`` ``modality``,
            ``encoder``, ``width`` and ``view_size`` as for ``fit``; and any of ``ReadOptions``.

    Returns:
        ``looks``, the whole one first, each with its ``views`` as ``fit`` takes them, ``similarity`` of views of one
        item, ``apart`` of others, ``accuracy`` and ``damage`` (``value``, ``low``, ``high``; shares), ``change`` and
        ``remarks``; ``chance``, ``among``, ``items``, ``labels``, and ``advice`` with its ``level``.

    Raises:
        InputError: The source, the views, the labels, the model or the folder cannot be used.
    """
    named, data = apart(choices)
    groups = named.pop("groups", None)
    requested = LabPlan.of(named)
    place = None if out is None else Folder(expanded(out), RECORD, "lab", resumable=False)
    if place is not None:
        place.require(resume=False, overwrite=overwrite)
    kind, size = requested.modality, requested.view_size
    options = DataOptions(kind=kind, view_size=size, data=data, labels=labels, groups=groups, progress=decoding())
    by, items = _open(source, model, requested, options)
    looks = list(_views(source, by.modality, _several(views), options, trained=model is not None))
    read = None if labels is None else _read(source, items, labels, by.modality)
    sample, known = _sampled(items, None if read is None else read.class_ids, requested)
    for augmentation in looks:
        _require_drawable(augmentation, sample, by)
    yardstick = Yardstick(by, sample, known, seed=requested.seed, comparisons=len(looks))
    scale = Measure(1 / yardstick.among, model is not None, yardstick.gain)
    if read is not None:
        announce_labels(read, left_out=False, held_out=False)
    rows = []
    for number, augmentation in enumerate(looks, start=1):
        console().print(f"{number} of {len(looks)}  {augmentation.name}", markup=False)
        rows.append(_row(augmentation, yardstick(augmentation.modality), scale))
    level, sentence = advice(rows, scale)
    result: dict[str, Any] = {
        "level": level,
        "advice": sentence,
        "looks": rows,
        "chance": scale.chance,
        "among": yardstick.among,
        "items": len(sample),
        "labels": None if known is None else _label_record(known, yardstick),
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
        strips = [strip(augmentation.modality, sample, seed=requested.seed) for augmentation in looks]
        write_lab(place.path, result, strips, strip(by.modality, sample, seed=None))
    return Result(result, lab_table)


def _several(views: Views | Sequence[Views] | None) -> list[Views]:
    if views is not None and not callable(views) and not len(views):
        raise InputError("Name the views to judge, or leave them out for the usual ones.")
    return ["auto"] if views is None else [views] if isinstance(views, str) or callable(views) else list(views)


def _open(
    source: object, model: Model | str | Path | None, requested: LabPlan, options: DataOptions
) -> tuple[Model, Items]:
    """What the views are measured by, and the items."""
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
        raise PlanError(f"A model has settled {listed(fixed)} already. Leave that out, or leave out --model.")
    by = model if isinstance(model, Model) else load(model)
    return by, opened(by, source, options.groups if options.groups is not None else options.data.groups)


def _views(
    source: object, modality: Modality, given: Sequence[Views], options: DataOptions, *, trained: bool
) -> Iterator[LabView]:
    """All looks that are judged, none of them twice."""
    every = [augmentation for each in given for augmentation in _of(source, modality, each, options, trained=trained)]
    if len(given) > 1:
        every = [_called(augmentation) for augmentation in every]
    every += [
        LabView(f"preset {name}", "preset", name, modality.with_views(name), name) for name in presets(modality.name)
    ]
    judged: set[str] = set()
    for augmentation in every:
        if augmentation.views is None or augmentation.views not in judged:
            judged |= {augmentation.views} if augmentation.views else set()
            yield augmentation


def _called(augmentation: LabView) -> LabView:
    """The look, by a name that says whose part it is."""
    return LabView(
        f"{augmentation.of}: {augmentation.name}",
        augmentation.kind,
        augmentation.of,
        augmentation.modality,
        augmentation.views,
    )


def _of(source: object, modality: Modality, views: Views, options: DataOptions, *, trained: bool) -> Iterator[LabView]:
    """A whole look, its parts and its strengths."""
    if callable(views):
        name = getattr(views, "__name__", type(views).__name__)
        yield LabView(
            "whole look", "whole", name, _by_callable(source, modality, views, options, trained=trained), None
        )
        return
    if views == "auto" and not augmentation_of(modality).available:
        raise InputError("This model was trained with views by a callable. Say which to judge with --views.")
    spec = augmentation_of(modality).spec or "auto" if views == "auto" else views
    yield LabView("whole look", "whole", spec, modality.with_views(spec), spec)
    for change, part in alone(spec, only=modality.name).items():
        yield LabView(f"{change} alone", "part", spec, modality.with_views(part), part)
    for name, by in STRENGTHS.items():
        other = strengthened(spec, by, only=modality.name)
        yield LabView(name, "strength", spec, modality.with_views(other), other)


def _by_callable(
    source: object, modality: Modality, views: Callable[..., Any], options: DataOptions, *, trained: bool
) -> Modality:
    if trained:
        raise PlanError("With a model, views are named: point to your own as 'package.module:name'.")
    return type(modality).fit(source, replace(options, views=views))[0]


def _sampled(
    items: Items, class_ids: Int64[np.ndarray, " n"] | None, requested: LabPlan
) -> tuple[Subset, Known | None]:
    """The items that are looked at, in a random order, and what is known of them; those with labels come first."""
    if len(items) < 20:
        raise SourceError(f"Views are measured on at least 20 items. Got {len(items)}.")
    order = rng.permutation(len(items), seed=requested.seed, epoch=-2).numpy()
    if class_ids is None:
        return Subset(items, order[: requested.items]), None
    first = order[np.argsort(class_ids[order] < 0, kind="stable")][: requested.items]
    rows = first[np.random.default_rng(requested.seed).permutation(len(first))]
    groups = labelled_group_ids(Subset(items, rows), class_ids[rows])
    known = Known.of(class_ids[rows], seed=requested.seed, groups=groups)
    if len(np.unique(known.labels)) < 2:
        raise LabelError(
            f"Damage is measured on two classes or more, each with two items among the {len(rows)} that are measured. "
            "Label more, give more --items, or leave out --labels."
        )
    return Subset(items, rows), known


def _read(source: object, items: Items, labels: object, modality: Modality) -> Labels:
    unseen(labels, modality)
    spec = None if isinstance(labels, str) and labels == OWN else labels
    read = read_class_ids(spec, source, items)
    if read.class_ids.ndim != 1:
        raise LabelError("Views are judged by one class for each item. These labels name several at once.")
    return read


def _require_drawable(augmentation: LabView, items: Items, by: Model) -> None:
    """Refuse views that cannot be drawn, or encoded, before any are measured."""
    index = np.arange(2)
    name = augmentation.views or augmentation.of
    batch, keys = items.take(index), Keys(seed=0, epoch=0, step=0, view=0, item=torch.from_numpy(index))
    try:
        view: object = augmentation_of(augmentation.modality)(batch, keys)
    except InputError:
        raise
    except Exception as wrong:
        raise InputError(f"The views '{name}' failed on two items: {type(wrong).__name__}: {wrong}.") from wrong
    if not isinstance(view, torch.Tensor | tuple) or length(view) != 2:
        raise InputError(f"The views '{name}' must give a batch with one view per item. Got {type(view).__name__}.")
    encoded_length(by.encoder, to(view, by.device))


def _row(augmentation: LabView, effect: Effect, scale: Measure) -> dict[str, Any]:
    row = {
        "name": augmentation.name,
        "kind": augmentation.kind,
        "of": augmentation.of,
        "views": augmentation.views,
        "similarity": effect.similarity,
        "apart": effect.apart,
        "raw": {"similarity": effect.raw[0], "apart": effect.raw[1]},
        "accuracy": effect.accuracy._asdict(),
        "damage": None if effect.damage is None else effect.damage._asdict(),
        "change": effect.change,
    }
    return {**row, "remarks": remarks(row, scale)}


def _label_record(known: Known, yardstick: Yardstick) -> Mapping[str, Any]:
    plain = yardstick.plain
    return {
        "items": len(known.rows),
        "classes": len(np.unique(known.labels)),
        "guessed": known.guessed(),
        "plain": None if plain is None else plain._asdict(),
    }
