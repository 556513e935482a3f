"""How long a step takes on this machine: what turns a time budget into epochs, and a plan into minutes."""

from __future__ import annotations

import copy
import statistics
import sys
import time
from typing import NamedTuple

import torch

from counterpoint.interfaces import Items, Method, Step
from counterpoint.kinds import Modality
from counterpoint.training.looking import look
from counterpoint.training.loop import learn
from counterpoint.training.normalise import share_statistics
from counterpoint.training.recipe import Recipe


class Pace(NamedTuple):
    """What a step costs here: seconds, and the most memory in bytes that the process has held so far."""

    seconds: float
    memory: int


def measure(method: Method, items: Items, modality: Modality, recipe: Recipe, *, budget: float = 4.0) -> Pace:
    """The median over some real steps of a copy; the method itself, and torch's generator, stay as they were.

    They take ``budget`` seconds, 4 at most, or as long as four steps do.
    """
    with torch.random.fork_rng():
        trial = copy.deepcopy(method).to(recipe.device).train()
        share_statistics(trial, recipe.processes)
        optimizer = recipe.optimizer(trial, learning_rate=1e-6, weight_decay=0.0)
        taken: list[float] = []
        began = time.monotonic()
        going = 1.0
        while going:
            start = time.monotonic()
            info, views = look(items, modality, recipe, step=len(taken), count=trial.views)
            _, vectors = learn(trial, optimizer, views, info, recipe, step=len(taken))
            trial.remember(Step(1, 1, vectors, info))
            taken.append(time.monotonic() - start)
            enough = len(taken) >= 4 and (time.monotonic() - began > min(budget, 4.0) or len(taken) >= 50)
            going = recipe.processes.from_first(not enough)
    return Pace(recipe.processes.from_first(statistics.median(taken[2:])), _most_memory(recipe.device))


def _most_memory(device: torch.device) -> int:
    """The peak of the process; on a GPU the peak of its tensors."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    import resource

    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes if sys.platform == "darwin" else kibibytes * 1024


def planned_steps(*, seconds: float, per_step: float, per_epoch: int) -> int:
    """As many steps as fit, in whole epochs where at least one fits.

    >>> planned_steps(seconds=100, per_step=1, per_epoch=30), planned_steps(seconds=10, per_step=1, per_epoch=30)
    (90, 10)
    """
    steps = max(1, int(seconds / per_step))
    return steps // per_epoch * per_epoch if steps >= per_epoch else steps
