"""The keywords of the verbs with their types, so that an editor completes them and a type checker knows them.

Each lists a record of ``plans`` or ``options`` once more, for ``Unpack`` reads nothing else; defaults, help and ranges
stand only there. A few take more from Python than the shell can spell: a module, a callable, a list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
from torch import nn

from counterpoint.interfaces import Listener


class VerbKeywords(TypedDict, total=False):
    """What every verb takes."""

    quiet: bool


class ReadKeywords(VerbKeywords, total=False):
    """How a source is read: ``ReadOptions``."""

    column: str | Sequence[str] | None
    without: str | Sequence[str] | None
    schema: str | Mapping[str, str] | None
    id: str | None
    time: str | None
    groups: str | Sequence[Any] | np.ndarray | None
    label_first: bool
    header: bool
    encoding: str | None
    quoting: str
    min_count: int | None
    tokens: str
    range: str | Sequence[float] | None
    channel_axis: str


class PlanKeywords(ReadKeywords, total=False):
    """``Plan``, and how the data is read."""

    recipe: str | None
    modality: str
    method: str
    objective: str
    negatives: str
    similarity: str
    temperature: float | str | None
    encoder: str | nn.Module
    weights: str | None
    width: int | None
    head_layers: int | None
    head_hidden: int | None
    head_outputs: int | None
    matryoshka: str | None
    views: str | Callable[..., Any]
    view_size: int | None
    local_views: int | None
    epochs: int | None
    minutes: float | None
    batch_size: int | None
    micro_batch: int | None
    optimizer: str
    learning_rate: float | None
    weight_decay: float | None
    scaling: str
    schedule: str
    warmup: float | None
    seed: int
    device: str
    precision: str
    track: str | None
    save_every: int | None


class FitKeywords(PlanKeywords, total=False):
    """What ``fit`` takes beside."""

    listeners: Sequence[Listener]


class CompareKeywords(PlanKeywords, total=False):
    """What ``compare`` takes beside."""

    test: object
    seeds: int


class TuneKeywords(PlanKeywords, total=False):
    """What ``tune`` takes beside."""

    test: object
    trials: int | None
    repeats: int | None


class FinetuneKeywords(VerbKeywords, total=False):
    """``FinetunePlan``."""

    per_class: int | None
    fraction: float | None
    head_layers: int
    frozen: bool
    epochs: int | None
    minutes: float | None
    deliver: str
    batch_size: int
    optimizer: str
    learning_rate: float | None
    seed: int


class DistillKeywords(VerbKeywords, total=False):
    """``DistillPlan``."""

    encoder: str
    width: int | None
    match: str
    temperature: float | None
    neighbours: int
    teacher_sees: str
    start: str | None
    label_weight: float
    epochs: int | None
    minutes: float | None
    batch_size: int | None
    optimizer: str
    learning_rate: float | None
    seed: int


class SemiKeywords(ReadKeywords, total=False):
    """``SemiPlan``, and how the data is read."""

    per_class: int | None
    fraction: float | None
    minutes: float | None
    epochs: int | None
    encoder: str
    width: int | None
    student: str
    student_width: int | None
    batch_size: int | None
    deliver: str
    draws: int | None
    seed: int


class LabKeywords(ReadKeywords, total=False):
    """``LabPlan``, and how the data is read."""

    modality: str
    encoder: str
    width: int | None
    view_size: int | None
    items: int
    seed: int
