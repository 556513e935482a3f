r"""Extra columns of a comparison: constant vectors that are negatives of every anchor of another item.

    candidates = [c; more],      N'(i) = N(i) + those columns of ``more`` whose item is not the anchor's

Where a method treats the items of a class as one, the id of a column is its class, and columns of the anchor's own
class are not negatives.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from counterpoint.comparison import Comparison, Relation, SameItem, SparsePairs


@dataclass(frozen=True)
class ExtraColumns(Relation):
    """A relation with extra columns behind it that are negatives of every anchor with another id."""

    inner: Relation
    anchor: Int64[Tensor, " n"]
    candidate: Int64[Tensor, " m"]
    more: Int64[Tensor, " q"]

    def masks(self, rows: slice) -> tuple[Bool[Tensor, "b m"], Bool[Tensor, "b m"]]:
        positive, negative = self.inner.masks(rows)
        other = self.anchor[rows, None] != self.more[None, :]
        return torch.cat([positive, torch.zeros_like(other)], dim=1), torch.cat([negative, other], dim=1)

    def part(self, rows: slice) -> ExtraColumns:
        return replace(self, inner=self.inner.part(rows), anchor=self.anchor[rows])

    def items(self) -> tuple[Int64[Tensor, " n"], Int64[Tensor, " m"]]:
        return self.anchor, torch.cat([self.candidate, self.more])

    def sparse(self) -> SparsePairs | None:
        sparse, in_columns = self.inner.sparse(), SameItem(self.anchor, self.more).sparse()
        begin = len(self.candidate)
        if sparse is None or in_columns is None or sparse.negatives.stop != begin:
            return None
        anchor, place = in_columns.positive
        left_out = torch.cat([sparse.left_out[0], anchor]), torch.cat([sparse.left_out[1], place + begin])
        return SparsePairs(sparse.positive, left_out, slice(sparse.negatives.start, begin + len(self.more)))


def with_extra_columns(comparison: Comparison, vectors: Float[Tensor, "q d"], ids: Int64[Tensor, " q"]) -> Comparison:
    """The same comparison with these vectors as further candidates, without a gradient."""
    if len(vectors) == 0:
        return comparison
    candidates = torch.cat([comparison.candidates, vectors.detach()])
    relation = ExtraColumns(comparison.relation, *comparison.relation.items(), ids)
    return replace(comparison, candidates=candidates, relation=relation)
