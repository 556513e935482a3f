"""What pays where time is short: more steps out of the same views, and a longer rise of the learning rate.

    batch  = the usual one, halved until the run has STEPS steps, but no smaller than SMALLEST; than LEAST where even
             that leaves fewer than FEW steps
    warmup = a fifth of the steps, instead of a twentieth

A step of half the batch costs about half as much, so that there are as many views and twice as many steps.  Adam needs
steps, not views, until its moments mean anything; with few of them a short rise spoils the first epochs: Ma & Yarats
2019, arXiv:1910.04209.
Use when: a time budget leaves fewer than STEPS steps of the usual batch.
"""

from __future__ import annotations

import dataclasses

from counterpoint.plans import Plan
from counterpoint.training.config import FEWEST, TrainConfig
from counterpoint.training.throughput import Pace

STEPS = 600
"""A run with as many steps is not short."""

SMALLEST = 64
"""Items in a batch; among fewer there are too few to tell one apart from, and each of them costs more."""

LEAST, FEW = 16, 50
"""Items in a batch and steps, where there is hardly any time."""

WARMUP = 0.2
"""Share of the steps in which the learning rate rises in a short run."""

GAIN = 1.5
"""Times as many steps as before, without which smaller batches are no gain: on a GPU a step may take as long."""


def affordable_batch(usual: int, *, steps: int, processes: int = 1) -> int:
    """The batch of a run that has time for so many steps of the usual one; the least is that of every process.

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
    """The plan for a time budget in which the usual recipe has few steps.

    None where there are enough, or where batch or encoder are the user's choice; then nothing is changed.
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
    """What smaller batches buy, in one line; empty where they do not.

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
    """What to say where even the shortest run takes longer than it may; empty where it does not.

    >>> too_long(0.5, TrainConfig(steps=10), Pace(12.0, 0, 1))
    ' (10 steps are the fewest that teach anything, and take about 2 minutes here)'
    """
    if minutes is None or pace is None or recipe.steps > FEWEST or recipe.steps * pace.seconds < 60 * minutes:
        return ""
    return (
        f" ({recipe.steps} steps are the fewest that teach anything, and take about "
        f"{recipe.steps * pace.seconds / 60:.0f} minutes here)"
    )
