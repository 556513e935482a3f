"""The settings of the training loop: length, optimiser, batches."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from counterpoint.errors import SourceError, counted
from counterpoint.interfaces import Items
from counterpoint.training.distributed import ALONE, Processes
from counterpoint.training.optimizers import MakeOptimizer, adamw, rate
from counterpoint.training.sampling import EachItem, Sampling
from counterpoint.training.schedules import Scaling, Schedule, cosine, square_root

FEWEST = 10
"""The fewest steps of a run with a time budget: with fewer, nothing is learned."""


@dataclass(frozen=True)
class TrainConfig:
    """The settings of the training loop: the plan with parts in place of names."""

    steps: int
    batch_size: int = 256
    optimizer: MakeOptimizer = adamw
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    warmup: float = 0.05
    scaling: Scaling = square_root
    schedule: Schedule = cosine
    seed: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: str = "fp32"
    micro_batch: int | None = None
    """Items that a process encodes at once; None for its full share of the batch."""
    processes: Processes = ALONE
    sampling: Sampling | None = None
    """What the rows of an epoch are; None for every item once."""
    local_views: int = 0
    """The number of smaller views of each item (multi-crop) besides those that the method needs."""

    @property
    def peak(self) -> float:
        """The highest learning rate of the run.

        >>> TrainConfig(steps=1, batch_size=1024, learning_rate=0.002).peak
        0.004
        """
        return self.learning_rate * self.scaling(self.batch_size / 256)

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step, out of ``steps``."""
        return rate(step, total=steps, warmup=self.warmup, peak=self.peak, schedule=self.schedule)

    def rows(self, items: Items) -> Sampling:
        """What the rows of an epoch of these items are."""
        return self.sampling or EachItem(len(items))


def steps_per_epoch(items: int, batch_size: int) -> int:
    """Full batches in an epoch; each epoch leaves out other items."""
    if batch_size > items:
        raise SourceError(
            f"The batch size {batch_size} is larger than the data: {counted(items, 'item')}. "
            f"Use --batch-size={max(2, items // 2)}."
        )
    return items // batch_size


def count_of_pieces(config: TrainConfig) -> int:
    """The number of pieces in which the largest share of a batch is encoded; the same on every process."""
    share = -(-config.batch_size // config.processes.count)
    return -(-share // (config.micro_batch or share))


def least_micro_batch(config: TrainConfig) -> int:
    """The number of items in the smallest piece of a batch.

    >>> least_micro_batch(TrainConfig(steps=1, batch_size=100, micro_batch=30))
    25
    """
    return config.batch_size // config.processes.count // count_of_pieces(config)
