r"""Labelled pairs: anchor i is compared with candidate i only.

    P(i) = {i} if the pair belongs together, else N(i) = {i}

Hadsell, Chopra & LeCun 2006, "Dimensionality reduction by learning an invariant mapping", section 2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from counterpoint.comparison import Relation, SparsePairs


@dataclass(frozen=True)
class Facing(Relation):
    """Whether each pair is labelled as the same, and the candidate that each anchor is paired with."""

    same: Bool[Tensor, " m"]
    place: Int64[Tensor, " n"]

    def masks(self, rows: slice) -> tuple[Bool[Tensor, "b m"], Bool[Tensor, "b m"]]:
        facing = self.place[rows, None] == torch.arange(len(self.same), device=self.same.device)[None, :]
        return facing & self.same[None, :], facing & ~self.same[None, :]

    def part(self, rows: slice) -> Facing:
        return replace(self, place=self.place[rows])

    def sparse(self) -> SparsePairs | None:
        return None

    def items(self) -> tuple[Int64[Tensor, " n"], Int64[Tensor, " m"]]:
        nobody = torch.full_like(self.same, -1, dtype=torch.int64)
        return nobody[: len(self.place)], nobody
