r"""A scheduled temperature: a cosine between low, which separates items, and high, which brings groups together.

    t(k) = low + (high - low) (1 + cos(2 pi turns k / steps)) / 2          at step k

Kukleva et al. 2023, arXiv:2303.13664, eq. 5.
Use when: classes are very imbalanced (the paper's long tails), or no single temperature suits all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from counterpoint.comparison import Tile
from counterpoint.errors import PlanError
from counterpoint.interfaces import Step


class Scheduled(nn.Module):
    """An objective whose temperature is a function of the progress of a run."""

    done: Tensor

    def __init__(
        self, objective: Callable[..., Tensor], *, low: float = 0.1, high: float = 0.5, turns: float = 2.0
    ) -> None:
        super().__init__()
        if not 0 < low <= high or turns <= 0:
            raise PlanError(
                f"A scheduled temperature needs 0 < low <= high and turns above 0. Got {low}, {high}, {turns}."
            )
        self.objective, self.low, self.high, self.turns = objective, low, high, turns
        self.register_buffer("done", torch.zeros((), dtype=torch.float64))

    def formula(self) -> partial[Tensor]:
        """The objective at the current temperature."""
        swing = (1 + math.cos(2 * math.pi * self.turns * float(self.done))) / 2
        return partial(self.objective, temperature=self.low + (self.high - self.low) * swing)

    def forward(self, tile: Tile) -> Float[Tensor, " b"]:
        """One loss per anchor."""
        return self.formula()(tile)

    def after_step(self, step: Step) -> None:
        """Record the progress of the run, from 0 to 1."""
        self.done.fill_(step.number / step.total)
