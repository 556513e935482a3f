"""Resolves every choice that a plan leaves open: by the method, the modality, the data and the machine.

Where a time budget leaves fewer than STEPS steps of the usual batch, smaller batches make more steps out of the same
views, with a longer warm-up:

    batch  = the usual one, halved until the run has STEPS steps, but at least SMALLEST; or LEAST where even
             that leaves fewer than FEW steps
    warmup = a fifth of the steps, instead of a twentieth

A step of half the batch takes about half as long, so the number of views stays and that of steps doubles.  Adam's
moments need steps, not views, to be reliable; with few of them a short warm-up spoils the first epochs: Ma & Yarats
2019, arXiv:1910.04209.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from counterpoint import catalogue
from counterpoint.encoders.initial_weights import recipe_of
from counterpoint.errors import PlanError, SourceError
from counterpoint.modality import Modality
from counterpoint.plans import Plan
from counterpoint.setup.capabilities import (
    asks_for,
    has_temperature,
    refuse_comparing,
    refuse_local_views,
    require_part,
    whole,
)
from counterpoint.setup.dataset import UserParts
from counterpoint.training.config import FEWEST, TrainConfig
from counterpoint.training.devices import choose_precision
from counterpoint.training.optimizers import default_rates
from counterpoint.training.throughput import Pace

USUAL: Mapping[str, Any] = {
    "optimizer": "adamw",
    "temperature": 0.1,
    "head_layers": 2,
    "head_hidden": 512,
    "head_outputs": 128,
}
"""Defaults of open choices, where the method has none."""


USUAL_BATCH = 256

VIEWS_WANTED = 600_000
"""Views of a run without epochs or minutes: a few minutes for small images on two cores."""


STEPS = 600
"""A run with this many steps is not short."""

SMALLEST = 64
"""The smallest batch: with fewer items there are too few negatives, and the cost per item rises."""

LEAST, FEW = 16, 50
"""The smallest batch, and number of steps, for very small time budgets."""

WARMUP = 0.2
"""Warm-up as a share of a short run."""

GAIN = 1.5
"""Smaller batches must give this many times more steps to be used: on a GPU a step may take as long."""


def completed(plan: Plan) -> Plan:
    """The plan with the defaults of its method and its objective for the choices that were left open.

    Raises ``PlanError`` where a choice is made that the method or the objective cannot use, and ``UnknownName`` where a
    part does not exist.

    >>> plan = completed(Plan())
    >>> plan.objective, plan.similarity, plan.temperature, plan.head_outputs
    ('info_nce', 'cosine', 0.1, 128)
    """
    make = catalogue.find("method", plan.method)
    compares = asks_for(make, "objective")
    if not compares:
        refuse_comparing(plan, make)
    if plan.local_views:
        refuse_local_views(plan, make)
    usual = {**USUAL, **({"objective": "info_nce"} if compares else {}), **getattr(whole(make), "usual", {})}
    if not (compares or asks_for(make, "temperature")):
        del usual["temperature"]
    if catalogue.split(plan.optimizer)[0] not in ("auto", usual["optimizer"]):
        usual.pop("learning_rate", None)  # the method's default is for its usual optimiser
    temperature = plan.temperature
    left_open = {name: value for name, value in usual.items() if getattr(plan, name) in (None, "auto")}
    plan = dataclasses.replace(plan, **left_open)
    require_part("optimizer", plan, getattr(whole(make), "optimizers", ()))
    if not compares:
        return plan
    for kind in ("objective", "negatives", "similarity"):
        if getattr(plan, kind) != "auto":
            catalogue.find(kind, getattr(plan, kind))
    require_part("objective", plan, getattr(whole(make), "objectives", ()))
    if temperature is not None and not (has_temperature(plan.objective) or asks_for(make, "temperature")):
        raise PlanError(f"The objective '{plan.objective}' has no temperature. Leave out --temperature.")
    return dataclasses.replace(plan, similarity=catalogue.similarity(plan.objective, plan.similarity))


def resolved(
    requested: Plan,
    user_parts: UserParts,
    modality: Modality,
    count: int,
    device: torch.device,
    before: Mapping[str, Any] | None,
) -> Plan:
    """The plan with every open choice resolved; a resumed run keeps its precision."""
    plan = completed(requested)
    rate, decay = default_rates(catalogue.find("optimizer", plan.optimizer))
    recipe = recipe_of(modality, requested, user_parts.encoder)
    precision = before["settled"]["precision"] if before else choose_precision(requested.precision, device)
    return dataclasses.replace(
        plan,
        modality=modality.name,
        batch_size=fitting_batch(
            requested.batch_size, count, usual=recipe.get("batch_size", plan.batch_size or USUAL_BATCH)
        ),
        device=str(device),
        precision=precision,
        learning_rate=_first(requested.learning_rate, recipe.get("learning_rate"), plan.learning_rate, rate),
        weight_decay=decay if requested.weight_decay is None else requested.weight_decay,
        warmup=_first(requested.warmup, TrainConfig.warmup),
        scaling="sqrt" if requested.scaling == "auto" else requested.scaling,
        schedule="cosine" if requested.schedule == "auto" else requested.schedule,
        local_views=requested.local_views or 0,
        encoder=_encoder_name(user_parts.encoder, requested.encoder, modality),
        views=str(modality.settings().get("views", requested.views)),
        view_size=modality.settings().get("size"),
    )


def fitting_batch(wanted: int | None, items: int, *, usual: int = USUAL_BATCH) -> int:
    """The batch size: the requested one, or the default, or one that gives small data two steps per epoch.

    >>> fitting_batch(None, 60_000), fitting_batch(None, 100), fitting_batch(64, 100)
    (256, 50, 64)
    """
    if items < 4:
        raise SourceError(f"Contrast needs at least 4 items. Got {items}.")
    return wanted or min(usual, items // 2)


def fitting_epochs(items: int, *, views: int = VIEWS_WANTED) -> int:
    """Epochs of a run that sets neither epochs nor minutes.

    >>> fitting_epochs(60_000), fitting_epochs(6_000), fitting_epochs(100)
    (5, 50, 200)
    """
    return max(1, min(200, round(views / 2 / items)))


def affordable_batch(usual: int, *, steps: int, processes: int = 1) -> int:
    """The batch size of a run with time for ``steps`` steps of the default batch; the minimum is per process.

    >>> [affordable_batch(256, steps=steps) for steps in (1173, 600, 400, 276, 20)]
    [256, 256, 128, 64, 64]
    >>> affordable_batch(50, steps=20), affordable_batch(256, steps=20, processes=4), affordable_batch(256, steps=3)
    (25, 64, 16)
    """
    batch = usual
    for enough, least in ((STEPS, SMALLEST), (FEW, LEAST)):
        while steps < enough and batch // 2 >= least * processes:
            batch, steps = batch // 2, 2 * steps
    return batch


def in_little_time(requested: Plan, usual: TrainConfig) -> Plan | None:
    """The plan for a time budget in which the default batch gives few steps.

    None where there are enough, or where the user chose the batch or the encoder; then nothing is changed.
    """
    if requested.minutes is None or requested.batch_size is not None or requested.encoder != "auto":
        return None
    batch = affordable_batch(usual.batch_size, steps=usual.steps, processes=usual.processes.count)
    if batch == usual.batch_size:
        return None
    return dataclasses.replace(
        requested, batch_size=batch, warmup=WARMUP if requested.warmup is None else requested.warmup
    )


def gain(minutes: float | None, usual: TrainConfig, short: TrainConfig) -> str:
    """The gain in steps from smaller batches, in one line; empty where there is none.

    >>> gain(3, TrainConfig(steps=276), TrainConfig(steps=1023, batch_size=64))
    'batch 64 instead of 256: 1,023 steps instead of 276, which is what this machine has time for in 3 minutes'
    """
    if short.steps < GAIN * usual.steps:
        return ""
    return (
        f"batch {short.batch_size} instead of {usual.batch_size}: {short.steps:,} steps instead of {usual.steps:,}, "
        f"which is what this machine has time for in {minutes:g} minutes"
    )


def too_long(minutes: float | None, recipe: TrainConfig, pace: Pace | None) -> str:
    """The note that even the shortest run exceeds the time budget; empty where it does not.

    >>> too_long(0.5, TrainConfig(steps=10), Pace(12.0, 0, 1))
    ' (10 steps are the fewest that are useful, and take about 2 minutes here)'
    """
    if minutes is None or pace is None or recipe.steps > FEWEST or recipe.steps * pace.seconds < 60 * minutes:
        return ""
    return (
        f" ({recipe.steps} steps are the fewest that are useful, and take about "
        f"{recipe.steps * pace.seconds / 60:.0f} minutes here)"
    )


def _first(*choices: float | None) -> float | None:
    """The first of some choices that was made."""
    return next((each for each in choices if each is not None), None)


def _encoder_name(network: nn.Module | None, name: str, modality: Modality) -> str:
    if network is not None:
        return f"your own {type(network).__name__}"
    return modality.usual_encoder if name == "auto" else name
