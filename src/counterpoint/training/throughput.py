"""The time of a step on this machine: converts a time budget to epochs, and a plan to minutes."""

from __future__ import annotations

import copy
import dataclasses
import statistics
import sys
import time
from typing import NamedTuple

import torch

from counterpoint.errors import InputError
from counterpoint.interfaces import Items, Method, Step
from counterpoint.modality import Modality
from counterpoint.training.batch_norm import share_statistics
from counterpoint.training.batches import make_batch
from counterpoint.training.config import FEWEST, TrainConfig, least_micro_batch
from counterpoint.training.loop import train_step
from counterpoint.training.threads import computing_with

SMALL = 64
"""Items in a step that is timed only."""

TIMED = 3
"""Minimal number of timed steps, after one for warm-up."""


class Pace(NamedTuple):
    """The cost of a step on this machine: seconds, and the peak memory of the process in bytes."""

    seconds: float
    memory: int
    threads: int
    """The number of threads, the faster of all and one."""


def measure(
    method: Method, items: Items, modality: Modality, config: TrainConfig, *, budget: float = 4.0, choose: bool = False
) -> Pace:
    """The median over some real, small steps of a copy; the method and torch's generator are unchanged.

    It takes ``budget`` seconds, 4 at most, or the time of four steps. On a CPU the time of a full batch is extrapolated
    by its items: the run measures itself later. ``choose`` times one thread against all of them.
    """
    small = dataclasses.replace(config, batch_size=_small(method, config))
    all_threads = torch.get_num_threads()
    counts = [all_threads, 1] if choose and all_threads > 1 and config.device.type == "cpu" else [all_threads]
    with torch.random.fork_rng():
        trial = copy.deepcopy(method).to(config.device).train()
        share_statistics(trial, config.processes)
        optimizer = config.optimizer(trial, learning_rate=1e-6, weight_decay=0.0)
        taken: dict[int, list[float]] = {count: [] for count in counts}
        began, step, going = time.monotonic(), 0, 1.0
        while going:
            threads = counts[step % len(counts)]
            start = time.monotonic()
            with computing_with(threads):
                info, views = make_batch(items, modality, small, step=step, count=trial.views, shifts=trial.shifts)
                _, vectors = train_step(trial, optimizer, views, info, small, step=step)
                trial.remember(Step(1, 1, vectors, info))
            taken[threads].append(time.monotonic() - start)
            step += 1
            enough = all(len(each) > TIMED for each in taken.values())
            enough = enough and (time.monotonic() - began > min(budget, 4.0) or step >= 50)
            going = config.processes.from_first(not enough)
    each = {count: statistics.median(some[1:]) for count, some in taken.items()}
    best = min(counts, key=lambda count: each[count])
    seconds = each[best] * config.batch_size / small.batch_size
    return Pace(config.processes.from_first(seconds), _most_memory(config.device), best)


def _small(method: Method, config: TrainConfig) -> int:
    """The batch size of a timed step: small, where the method allows it; full on a GPU, where a small step may take as
    long.
    """
    if config.device.type != "cpu":
        return config.batch_size
    size = min(config.batch_size, SMALL * config.processes.count)
    try:
        method.fits(size, least_micro_batch(dataclasses.replace(config, batch_size=size)))
    except InputError:
        return config.batch_size
    return size


def _most_memory(device: torch.device) -> int:
    """The peak memory of the process; on a GPU the peak of its tensors."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    import resource

    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes if sys.platform == "darwin" else kibibytes * 1024


def planned_steps(*, seconds: float, per_step: float, per_epoch: int) -> int:
    """As many steps as fit, in whole epochs where at least one fits; never fewer than the minimum.

    >>> planned_steps(seconds=100, per_step=1, per_epoch=30), planned_steps(seconds=15, per_step=1, per_epoch=30)
    (90, 15)
    >>> planned_steps(seconds=1, per_step=1, per_epoch=30)
    10
    """
    steps = max(FEWEST, int(seconds / per_step))
    return steps // per_epoch * per_epoch if steps >= per_epoch else steps
