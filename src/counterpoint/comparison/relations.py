"""Positives and negatives of each anchor, as a rule that is never materialised for all pairs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int64
from torch import Tensor


class SparsePairs(NamedTuple):
    """A relation in which nearly every candidate is a negative, given by the few pairs that are not."""

    positive: tuple[Int64[Tensor, " p"], Int64[Tensor, " p"]]
    """Anchors and candidates of the positive pairs."""
    left_out: tuple[Int64[Tensor, " q"], Int64[Tensor, " q"]]
    """The other pairs that are not negatives; candidates outside ``negatives`` need not be listed."""
    negatives: slice
    """The range of candidates that contains all negatives."""


class Relation(ABC):
    """Which candidates are positives and which are negatives of each anchor."""

    @abstractmethod
    def masks(self, rows: slice) -> tuple[Bool[Tensor, "b m"], Bool[Tensor, "b m"]]:
        """Masks of the positives and negatives of some anchors."""

    @abstractmethod
    def part(self, rows: slice) -> Relation:
        """The same relation for these anchors only."""

    @abstractmethod
    def sparse(self) -> SparsePairs | None:
        """The pairs that are not negatives, or None where there are many of them."""

    @abstractmethod
    def items(self) -> tuple[Int64[Tensor, " n"], Int64[Tensor, " m"]]:
        """The item of every anchor and of every candidate; negative where unknown."""


MANY = 8
"""How many candidates of its own item an anchor may have, on average, for them to be listed as pairs."""


@dataclass(frozen=True)
class SameItem(Relation):
    """Rows of one item are positives, rows of different items negatives."""

    anchor: Int64[Tensor, " n"]
    candidate: Int64[Tensor, " m"]
    first: int | None = None
    """Index of the first anchor among the candidates, if anchors are among them: none is compared with itself."""

    def masks(self, rows: slice) -> tuple[Bool[Tensor, "b m"], Bool[Tensor, "b m"]]:
        same = self.anchor[rows, None] == self.candidate[None, :]
        negative = ~same
        if self.first is not None:
            place = torch.arange(len(self.anchor), device=same.device)[rows, None] + self.first
            same[torch.arange(len(same), device=same.device)[:, None], place] = False
        return same, negative

    def part(self, rows: slice) -> SameItem:
        start, _, _ = rows.indices(len(self.anchor))
        return SameItem(self.anchor[rows], self.candidate, None if self.first is None else self.first + start)

    def items(self) -> tuple[Int64[Tensor, " n"], Int64[Tensor, " m"]]:
        return self.anchor, self.candidate

    def sparse(self) -> SparsePairs | None:
        ordered, order = torch.sort(self.candidate, stable=True)
        low, high = torch.searchsorted(ordered, self.anchor), torch.searchsorted(ordered, self.anchor, right=True)
        count = high - low
        pairs = int(count.sum())
        if pairs > MANY * len(self.anchor):
            return None
        row = torch.repeat_interleave(count)
        turn = torch.arange(pairs, device=row.device) - (count.cumsum(0) - count)[row]
        column = order[low[row] + turn]
        everyone = slice(0, len(self.candidate))
        if self.first is None:
            return SparsePairs((row, column), (row[:0], column[:0]), everyone)
        itself = column == row + self.first
        return SparsePairs((row[~itself], column[~itself]), (row[itself], column[itself]), everyone)


def same_item(anchor: Int64[Tensor, " n"], candidate: Int64[Tensor, " m"] | None = None) -> SameItem:
    """Rows of one item are positives, all other rows negatives.

    Without ``candidate`` the anchors are compared among themselves and a row is never compared with itself.
    """
    return SameItem(anchor, anchor, 0) if candidate is None else SameItem(anchor, candidate)
