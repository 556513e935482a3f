"""Who is a positive and who a negative of whom, as a rule that is never written out for all pairs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int64
from torch import Tensor


class SparsePairs(NamedTuple):
    """A relation in which nearly every candidate is a negative, told by the few that are not."""

    positive: tuple[Int64[Tensor, " p"], Int64[Tensor, " p"]]
    """Anchors and candidates of the positive pairs."""
    left_out: tuple[Int64[Tensor, " q"], Int64[Tensor, " q"]]
    """The same of the other pairs that are no negatives; those outside ``negatives`` go without saying."""
    negatives: slice
    """The candidates among which all negatives are."""


class Relation(ABC):
    """Who is positive and who is negative to whom."""

    @abstractmethod
    def masks(self, rows: slice) -> tuple[Bool[Tensor, "b m"], Bool[Tensor, "b m"]]:
        """Positives and negatives of some anchors."""

    @abstractmethod
    def part(self, rows: slice) -> Relation:
        """The same for these anchors only."""

    @abstractmethod
    def sparse(self) -> SparsePairs | None:
        """The pairs that are no negatives, or None where there are many of them."""

    @abstractmethod
    def items(self) -> tuple[Int64[Tensor, " n"], Int64[Tensor, " m"]]:
        """The item of every anchor and of every candidate; negative numbers where nobody knows."""


MANY = 8
"""Candidates of its own item that an anchor may have on average before they are no longer listed one by one."""


@dataclass(frozen=True)
class SameItem(Relation):
    """Rows of one item are positives, rows of different items negatives."""

    anchor: Int64[Tensor, " n"]
    candidate: Int64[Tensor, " m"]
    first: int | None = None
    """Where the anchors themselves begin among the candidates, if they are among them: none is compared with itself."""

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
