"""What is tried before a run begins, so that negatives and steps which are impossible here are refused in time."""

from __future__ import annotations

import copy

import numpy as np
import torch
from jaxtyping import Int64

from counterpoint import rng
from counterpoint.comparison import Comparison
from counterpoint.errors import PlanError
from counterpoint.interfaces import ItemInfo, Items, Method, Remembers, Step, Vectors
from counterpoint.modality import Modality
from counterpoint.training.config import Recipe, least_at_once

MOST = 32
"""Items that are compared; as many at once as a method with groups can want."""


def try_negatives(
    method: Method, items: Items, modality: Modality, recipe: Recipe, codes: Int64[np.ndarray, " n"] | None
) -> None:
    """Choose negatives twice, before and after a step; the method stays as it was.

    Raises ``PlanError`` where that is impossible.
    """
    index = torch.arange(min(MOST, least_at_once(recipe)))
    batch = items.take(index.numpy()).to(recipe.device)
    keys = [rng.keys(seed=0, epoch=0, items=index, view=view).to(recipe.device) for view in range(method.views)]
    known = None if codes is None else torch.from_numpy(codes)[index].to(recipe.device)
    info = ItemInfo(index.to(recipe.device), known)
    kept = method.negatives
    method.negatives = copy.deepcopy(kept)
    try:
        with torch.no_grad():
            views = modality.aligned(tuple(modality.look(batch, key) for key in keys))
            vectors = method.to(recipe.device).eval().project(views)
            _compare(method, vectors, info)
            trial: object = method.negatives
            if isinstance(trial, Remembers):
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


def try_moving(method: Method, recipe: Recipe, *, optimizer: str, schedule: str) -> None:
    """Refuse options of an optimiser or a schedule, by their names, that no step can be taken with.

    Raises:
        PlanError: They are out of range, or no numbers.
    """
    try:
        recipe.optimizer(method, learning_rate=recipe.learning_rate, weight_decay=recipe.weight_decay)
        recipe.rate(1, 2)
    except PlanError:
        raise
    except (TypeError, ValueError) as wrong:
        raise PlanError(
            f"The optimizer '{optimizer}' with the schedule '{schedule}' cannot take a step: {wrong}."
        ) from wrong
