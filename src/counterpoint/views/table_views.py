r"""Corrupt rows of a table: some features take the value of another row.

    view_j = row_j          with probability 1 - rate,
             pool_rj        with probability rate, r drawn anew for every feature j

Each feature is drawn from its empirical marginal: every value occurs, only the combination is new.
SCARF, Bahri et al. 2021, arXiv:2106.15147, algorithm 1.

Use when: features depend on each other, so that the rest of a row predicts what was replaced.

>>> pool = torch.tensor([[7.0, 8.0, 9.0]])
>>> key = rng.keys(seed=0, epoch=0, items=torch.arange(2), view=0)
>>> corrupt(torch.zeros(2, 3), key, pool=pool, groups=torch.tensor([0, 1, 1]), rate=1.0).tolist()
[[7.0, 8.0, 9.0], [7.0, 8.0, 9.0]]
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from counterpoint import rng
from counterpoint.plans import within


@dataclass(frozen=True)
class Corrupt:
    """``corrupt`` at one rate; the paper's is 0.6, and 0.3 did better on most tables that were tried."""

    rate: float = 0.3
    """Share of the features that are replaced."""

    def __post_init__(self) -> None:
        within("rate", self.rate, 0.001, 1)

    def __call__(
        self,
        rows: Float[Tensor, "b d"],
        key: Int64[Tensor, " b"],
        *,
        pool: Float[Tensor, "p d"],
        groups: Int64[Tensor, " d"],
    ) -> Float[Tensor, "b d"]:
        """One view of every row."""
        return corrupt(rows, key, pool=pool, groups=groups, rate=self.rate)

    def alone(self) -> dict[str, dict[str, float]]:
        """The options of its only change."""
        return {"corrupt": {"rate": self.rate}}

    def stronger(self, by: float) -> dict[str, float]:
        """A rate ``by`` times as high, as long as one feature in ten is kept."""
        rate = min(max(0.9, self.rate), max(0.001, by * self.rate))
        return {} if rate == self.rate else {"rate": rate}


def corrupt(
    rows: Float[Tensor, "b d"],
    key: Int64[Tensor, " b"],
    *,
    pool: Float[Tensor, "p d"],
    groups: Int64[Tensor, " d"],
    rate: float,
) -> Float[Tensor, "b d"]:
    """Every row with some features replaced by those of rows of the pool.

    ``groups`` numbers the features from 0: columns with the same number are one feature (a one-hot category) and are
    replaced together.
    """
    replaced = rng.uniform(key, int(groups.max()) + 1, "replaced") < rate
    return from_marginals(rows, key, replaced, pool=pool, groups=groups)


def from_marginals(
    rows: Float[Tensor, "b d"],
    key: Int64[Tensor, " b"],
    replaced: Bool[Tensor, "b f"],
    *,
    pool: Float[Tensor, "p d"],
    groups: Int64[Tensor, " d"],
) -> Float[Tensor, "b d"]:
    """Every row with these of its features replaced, each by that of a row of the pool drawn for it alone."""
    pool, groups = pool.to(rows.device), groups.to(rows.device)
    donor = (rng.uniform(key, replaced.shape[1], "donor") * len(pool)).long().clamp(max=len(pool) - 1)
    column = torch.arange(rows.shape[1], device=rows.device)
    return torch.where(replaced[:, groups], pool[donor[:, groups], column], rows)
