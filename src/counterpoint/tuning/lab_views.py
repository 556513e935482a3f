"""The augmentations that a lab measures: full ones, each of their changes alone, and at other strengths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from counterpoint import catalogue
from counterpoint.batch import length, to
from counterpoint.errors import InputError, PlanError
from counterpoint.interfaces import Items, Keys
from counterpoint.modality import DataOptions, Modality, augmentation_of
from counterpoint.model import Model
from counterpoint.setup.build import encoded_length
from counterpoint.views.single_changes import alone, presets
from counterpoint.views.strength import strengthened

Views = str | Callable[..., Any]
"""A spec, or a custom function."""

STRENGTHS = {"half strength": 0.5, "double strength": 2.0}


@dataclass(frozen=True)
class LabView:
    """An augmentation that is measured: ``kind`` is whole, part, strength or preset."""

    name: str
    kind: str
    of: str
    """The full augmentation that it is a part or a strength of."""
    modality: Modality
    views: str | None
    """As ``fit`` takes it; None for a callable."""


def requested_views(views: Views | Sequence[Views] | None) -> list[Views]:
    """The requested views, one by one; the default ones without any."""
    if views is not None and not callable(views) and not len(views):
        raise InputError("Name the views to judge, or leave them out for the usual ones.")
    if isinstance(views, str):
        return list(catalogue.several(views))
    return ["auto"] if views is None else [views] if callable(views) else list(views)


def lab_views(
    source: object, modality: Modality, requested: Sequence[Views], options: DataOptions, *, trained: bool
) -> Iterator[LabView]:
    """All augmentations that are measured, none of them twice."""
    every = [
        augmentation for each in requested for augmentation in _of(source, modality, each, options, trained=trained)
    ]
    if len(requested) > 1:
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
    """The augmentation, with a name that says which one it is part of."""
    return LabView(
        f"{augmentation.of}: {augmentation.name}",
        augmentation.kind,
        augmentation.of,
        augmentation.modality,
        augmentation.views,
    )


def _of(source: object, modality: Modality, views: Views, options: DataOptions, *, trained: bool) -> Iterator[LabView]:
    """A full augmentation, its parts and its strengths."""
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


def require_drawable(augmentation: LabView, items: Items, by: Model) -> None:
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
