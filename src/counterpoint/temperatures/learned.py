r"""A learned temperature: one more parameter, updated by the gradient of the loss.

    t = e^w,   w in [log low, log high]

Radford et al. 2021, arXiv:2103.00020, section 2.5, who learn log(1/t) and keep t above 0.01.  A ``bias`` of the
objective, as in the sigmoid loss, is learned too (Zhai et al. 2023, arXiv:2303.15343, section 3.1).
Use when: you would rather not choose, batches are large and pairs come from labels or captions. Without labels the loss
favours ever lower temperatures, so check where it ends: ``temperature`` in ``metrics.jsonl``.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from counterpoint.comparison import Tile
from counterpoint.errors import PlanError


class Learned(nn.Module):
    """An objective whose temperature, and bias if it has one, are learned parameters."""

    def __init__(
        self, objective: Callable[..., Tensor], *, start: float = 0.1, low: float = 0.01, high: float = 1.0
    ) -> None:
        super().__init__()
        if not 0 < low <= start <= high:
            raise PlanError(f"A learned temperature needs 0 < low <= start <= high. Got {low}, {start}, {high}.")
        self.objective, self.low, self.high = objective, low, high
        self.log_temperature = nn.Parameter(torch.tensor(math.log(start)))
        bias = inspect.signature(objective).parameters.get("bias")
        self.bias = None if bias is None else nn.Parameter(torch.tensor(float(bias.default)))

    def formula(self) -> partial[Tensor]:
        """The objective at the current temperature."""
        options: dict[str, Any] = {} if self.bias is None else {"bias": self.bias}
        clipped = self.log_temperature.clamp(math.log(self.low), math.log(self.high))
        return partial(self.objective, temperature=clipped.exp(), **options)

    def forward(self, tile: Tile) -> Float[Tensor, " b"]:
        """One loss per anchor."""
        return self.formula()(tile)
