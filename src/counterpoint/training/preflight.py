"""Trials before a run begins, so that impossible negatives and optimiser options are refused in time."""

from __future__ import annotations

import copy

import numpy as np
import torch
from jaxtyping import Int64

from counterpoint.batch import to
from counterpoint.comparison import Comparison
from counterpoint.errors import PlanError
from counterpoint.interfaces import ItemInfo, Items, Keys, Method, Stateful, Step, Vectors
from counterpoint.modality import Modality, aligned, augmentation_of
from counterpoint.training.config import TrainConfig, least_micro_batch

MOST = 32
"""Items that are compared; enough for a method with groups."""


def try_negatives(
    method: Method, items: Items, modality: Modality, config: TrainConfig, class_ids: Int64[np.ndarray, " n"] | None
) -> None:
    """Apply the negatives twice, before and after a step; the method stays as it was.

    Raises ``PlanError`` where that is impossible.
    """
    index = torch.arange(min(MOST, least_micro_batch(config)))
    batch, item = to(items.take(index.numpy()), config.device), index.to(config.device)
    keys = [Keys(seed=0, epoch=0, step=0, view=view, item=item) for view in range(method.views)]
    labels = None if class_ids is None else torch.from_numpy(class_ids)[index].to(config.device)
    info = ItemInfo(index.to(config.device), labels)
    kept = method.negatives
    method.negatives = copy.deepcopy(kept)
    try:
        with torch.no_grad():
            augmentation = augmentation_of(modality)
            views = aligned(modality, tuple(augmentation(batch, each) for each in keys))
            vectors = method.to(config.device).eval().project(views)
            _compare(method, vectors, info)
            trial: object = method.negatives
            if isinstance(trial, Stateful):
                trial.after_step(Step(1, 1, vectors, info))
                _compare(method, vectors, info)
    except (RuntimeError, TypeError, IndexError) as wrong:
        reason = str(wrong).splitlines()[0]
        raise PlanError(f"These negatives do not fit the method, its vectors or this data: {reason}.") from wrong
    finally:
        method.negatives = kept
        method.train()


def _compare(method: Method, vectors: Vectors, info: ItemInfo) -> None:
    for part in method.outcomes(vectors, info):
        if isinstance(part, Comparison):
            part.tile(slice(0, 1))


def try_moving(method: Method, config: TrainConfig, *, optimizer: str, schedule: str) -> None:
    """Refuse options of an optimiser or a schedule, by their names, with which no step can be taken.

    Raises:
        PlanError: They are out of range, or not numbers.
    """
    try:
        config.optimizer(method, learning_rate=config.learning_rate, weight_decay=config.weight_decay)
        config.rate(1, 2)
    except PlanError:
        raise
    except (TypeError, ValueError) as wrong:
        raise PlanError(
            f"The optimizer '{optimizer}' with the schedule '{schedule}' cannot take a step: {wrong}."
        ) from wrong
