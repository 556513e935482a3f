"""From choices and a source to an experiment: recognise the data, resolve open choices, build the method."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from counterpoint import catalogue
from counterpoint.batch import item_shape
from counterpoint.encoders.initial_weights import built_by, first_encoder, recipe_of
from counterpoint.errors import InputError, PlanError
from counterpoint.interfaces import Items, Keys, Method, info_of
from counterpoint.modality import Modality, augmentation_of, schema_of
from counterpoint.plans import Plan
from counterpoint.recipes.recipe import departures
from counterpoint.setup.build import ClassIds, build_method, compared_by, encoded_length
from counterpoint.setup.dataset import TrainingData, identity, open_dataset
from counterpoint.setup.dataset import UserParts as UserParts
from counterpoint.setup.dataset import chosen as chosen
from counterpoint.setup.defaults import (
    VIEWS_WANTED,
    fitting_epochs,
    gain,
    in_little_time,
    resolved,
    too_long,
)
from counterpoint.setup.supervision import Supervision, supervise
from counterpoint.training.batches import local_augmentation
from counterpoint.training.config import TrainConfig, least_micro_batch, steps_per_epoch
from counterpoint.training.devices import choose_device, keep_freed_memory
from counterpoint.training.distributed import ALONE, Processes
from counterpoint.training.preflight import try_moving, try_negatives
from counterpoint.training.throughput import Pace, measure, planned_steps

OVERHEAD = 0.97
"""Share of a time budget for opening, training and everything between steps; the rest is for saving and reports."""

MEASURED = 0.06
"""Share of a short time budget that measuring the pace may take."""


@dataclass(frozen=True)
class Experiment:
    """Everything a training needs, resolved."""

    plan: Plan
    modality: Modality
    items: Items
    method: Method
    recipe: TrainConfig
    learned: Supervision
    """The classes or pairs that are learned from, if any."""
    per_epoch: int
    pace: Pace | None
    rebuildable: bool
    because: str = ""
    """A choice that was made because of the time budget, in one line."""
    notes: Sequence[str] = ()
    """Notes on the encoder."""

    @property
    def class_ids(self) -> np.ndarray | None:
        """The class of every item, -1 where it is not learned from; None without labels."""
        return self.learned.class_ids

    @property
    def adopted(self) -> bool:
        """Whether a pretrained encoder is taken as it is: nothing is trained."""
        return self.recipe.steps == 0

    @property
    def built(self) -> dict[str, Any]:
        """What is needed to build the encoder again, as ``Model`` stores it."""
        return built_by(self.plan, rebuildable=self.rebuildable, adopted=self.adopted)

    def identity(self) -> str:
        """A fingerprint of the data and of how it is read: a run is only resumed with the same."""
        return identity(self.items, self.modality, self.plan.encoder, self.learned.answers)

    def summary(self) -> dict[str, Any]:
        """The summary of the run, for display and as JSON."""
        sample = self.items.take(np.arange(1))
        ragged = self.modality.ragged
        shapes = [() if ragged else item_shape(each) for each in (sample, self.modality.inputs(sample))]
        looked_at = self.recipe.batch_size * (self.method.views + self.recipe.local_views)
        return {
            "items": len(self.items),
            "skipped": len(info_of(self.items).skipped),
            "modality": self.modality.name,
            "notes": [*info_of(self.items).notes, *self.notes],
            "schema": schema.record() if (schema := schema_of(self.modality)) else [],
            "item_shape": list(shapes[0]),
            "view_shape": list(shapes[1]),
            "recipe": self.plan.recipe,
            "departures": departures(self.plan),
            "method": self.plan.method,
            "objective": compared_by(self.plan)["objective"],
            "labelled": None if self.class_ids is None else int((self.class_ids >= 0).sum()),
            "views": self.plan.views,
            "encoder": self.plan.encoder,
            "encoder_parameters": sum(p.numel() for p in self.method.encoder.parameters()),
            "steps": self.recipe.steps,
            "steps_per_epoch": self.per_epoch,
            "because_of_time": self.because,
            "epochs": round(self.recipe.steps / self.per_epoch, 2),
            "precision": self.recipe.precision,
            "device": str(self.recipe.device),
            "processes": self.recipe.processes.count,
            "minutes": self.pace and round(self.recipe.steps * self.pace.seconds / 60, 2),
            "views_per_second": self.pace and round(looked_at / self.pace.seconds, 1),
            "memory": self.pace and self.pace.memory,
            "threads": self.pace and self.pace.threads,
        }


def prepare(
    source: object,
    requested: Plan,
    user_parts: UserParts,
    *,
    began: float,
    before: Mapping[str, Any] | None = None,
    measured: bool = False,
    processes: Processes = ALONE,
) -> Experiment:
    """Open the data and build everything. ``before`` is the record of the run that is resumed, if any."""
    choose_device(requested.device)  # refused before anything is opened
    modality, items = open_dataset(source, requested, user_parts, processes)
    data = TrainingData(
        modality, items, supervise(requested, source, items, labels=user_parts.labels, pairs=user_parts.pairs)
    )
    if before is not None:
        requested = dataclasses.replace(
            requested, **{name: before["settled"][name] for name in ("batch_size", "warmup")}
        )
    arrange = partial(
        arranged, data, user_parts=user_parts, began=began, before=before, measured=measured, processes=processes
    )
    usual = arrange(requested)
    if (
        before is not None
        or user_parts.encoder is not None
        or (short := in_little_time(requested, usual.recipe)) is None
    ):
        return usual
    quick = arrange(short)
    because = gain(requested.minutes, usual.recipe, quick.recipe)
    better = dataclasses.replace(quick, because=because) if because else usual
    return dataclasses.replace(better, because=better.because + too_long(requested.minutes, better.recipe, better.pace))


def arranged(
    data: TrainingData,
    requested: Plan,
    user_parts: UserParts,
    *,
    began: float,
    before: Mapping[str, Any] | None = None,
    measured: bool = False,
    processes: Processes = ALONE,
) -> Experiment:
    """Build everything for data that is already open; the arguments are those of ``prepare``."""
    keep_freed_memory()
    device = choose_device(requested.device)
    modality, items, learned = data.modality, data.items, data.learned
    plan = resolved(requested, user_parts, modality, len(learned.sampling), device, before)
    (rough,) = processes.sum(plan.precision == "bf16")
    if 0 < rough < processes.count:  # bf16 is correct and faster on some machines only
        plan = dataclasses.replace(plan, precision="fp32")
    encoder, notes = first_encoder(modality, plan, user_parts.encoder)
    method = build_method(
        plan, encoder, items, modality, learned.class_ids, rows=learned.rows, duplicate_ids=learned.duplicate_ids
    )
    try_views(modality, items, encoder, plan.local_views or 0)
    recipe = _recipe(plan, device, processes, learned)
    if plan.epochs != 0:
        _require_fitting(plan, method, items, modality, recipe, learned.class_ids)
    per_epoch = steps_per_epoch(len(learned.sampling), recipe.batch_size)
    pace = None
    if before is None and plan.epochs != 0 and (measured or requested.minutes is not None):
        budget = MEASURED * 60 * (requested.minutes or 1.0)
        pace = measure(method, items, modality, recipe, budget=budget, choose=requested.minutes is not None)
    if before is not None:
        steps = int(before["steps"])
    elif pace is not None and requested.minutes is not None:
        left = 60 * OVERHEAD * requested.minutes - (time.monotonic() - began)
        steps = planned_steps(seconds=processes.from_first(left), per_step=pace.seconds, per_epoch=per_epoch)
    else:
        wanted = recipe_of(modality, requested, user_parts.encoder).get("views", VIEWS_WANTED) // method.shifts
        epochs = fitting_epochs(len(learned.sampling), views=wanted) if requested.epochs is None else requested.epochs
        steps = epochs * per_epoch
    plan = dataclasses.replace(plan, epochs=math.ceil(steps / per_epoch), minutes=None)
    recipe = dataclasses.replace(recipe, steps=steps)
    return Experiment(
        plan, modality, items, method, recipe, learned, per_epoch, pace, user_parts.encoder is None, notes=notes
    )


def _recipe(plan: Plan, device: torch.device, processes: Processes, learned: Supervision) -> TrainConfig:
    """The training settings of a resolved plan, with one step for now."""
    return TrainConfig(
        steps=1,
        batch_size=plan.batch_size or 0,
        optimizer=catalogue.find("optimizer", plan.optimizer),
        learning_rate=plan.learning_rate or 0.0,
        weight_decay=plan.weight_decay or 0.0,
        warmup=plan.warmup or 0.0,
        scaling=catalogue.find("scaling", plan.scaling),
        schedule=catalogue.find("schedule", plan.schedule),
        seed=plan.seed,
        device=device,
        precision=plan.precision,
        micro_batch=plan.micro_batch,
        processes=processes,
        sampling=learned.sampling,
        local_views=plan.local_views or 0,
    )


def _require_fitting(
    plan: Plan, method: Method, items: Items, modality: Modality, recipe: TrainConfig, class_ids: ClassIds | None
) -> None:
    """Raise ``PlanError`` where the parts of a plan do not fit each other."""
    _enough_for_all(plan, recipe.processes)
    try_moving(method, recipe, optimizer=plan.optimizer, schedule=plan.schedule)
    method.fits(recipe.batch_size, least_micro_batch(recipe))
    if plan.negatives != "auto":
        fits = getattr(method.negatives, "fits", None)
        if fits is not None:
            fits(recipe.batch_size, least_micro_batch(recipe))
        try_negatives(method, items, modality, recipe, class_ids)


def _enough_for_all(plan: Plan, processes: Processes) -> None:
    if processes.count > 1 and plan.device.startswith("mps"):
        raise PlanError("Several processes cannot share mps. Use --device=cpu, or one process.")
    if (plan.batch_size or 0) < 2 * processes.count:
        raise PlanError(
            f"A batch of {plan.batch_size} items is too small for {processes.count} processes: each needs two. "
            f"Use --batch-size={2 * processes.count} or more, or fewer processes."
        )


def try_views(modality: Modality, items: Items, encoder: nn.Module, local_views: int) -> None:
    """Draw and encode views of two items, so that impossible ones are refused before anything is written."""
    index = np.arange(min(2, len(items)))
    batch, keys = items.take(index), Keys(seed=0, epoch=0, step=0, view=0, item=torch.from_numpy(index))
    usual = augmentation_of(modality)(batch, keys)
    if not local_views:
        return
    near = local_augmentation(modality)(batch, keys)
    try:
        lengths = [encoded_length(encoder, view) for view in (usual, near)]
        if lengths[0] != lengths[1]:
            raise InputError(f"The encoder makes {lengths[0]} numbers of a usual view and {lengths[1]} of a local one.")
    except InputError as wrong:
        raise PlanError(
            f"{wrong} Leave out --local-views, or choose an encoder that takes views of any size, such as "
            f"'{modality.usual_encoder}'."
        ) from wrong
