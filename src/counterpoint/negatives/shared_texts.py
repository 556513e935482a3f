r"""Rows with the same content are not negatives: two pairs with the same answer, two texts that are near-duplicates.

    N'(i) = those j in N(i) with  K_i and K_j disjoint,      K the content ids of a row

Where a row is a pair of anchor and partner, it has both contents: another pair that shares one of them has a correct
answer too.
Use when: always, where items repeat; it is not an option.  Relations: ``other_labels`` does the same with classes, one
per row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Int64
from torch import Tensor, nn

from counterpoint.comparison import Comparison, Relation, SameItem, SparsePairs
from counterpoint.interfaces import ItemInfo, Negatives, Stateful, Step


@dataclass(frozen=True)
class DuplicateRelation(Relation):
    """A relation without the negatives that share an id with the anchor; ids below 0 are shared with nobody."""

    inner: Relation
    anchor: Int64[Tensor, "n v"]
    candidate: Int64[Tensor, "m v"]

    def masks(self, rows: slice) -> tuple[Bool[Tensor, "b m"], Bool[Tensor, "b m"]]:
        positive, negative = self.inner.masks(rows)
        for anchor_text, candidate_text in self._columns():
            negative = negative & ((anchor_text[rows, None] != candidate_text[None, :]) | (anchor_text[rows, None] < 0))
        return positive, negative

    def part(self, rows: slice) -> DuplicateRelation:
        return replace(self, inner=self.inner.part(rows), anchor=self.anchor[rows])

    def items(self) -> tuple[Int64[Tensor, " n"], Int64[Tensor, " m"]]:
        return self.inner.items()

    def sparse(self) -> SparsePairs | None:
        sparse = self.inner.sparse()
        if sparse is None:
            return None
        width = len(self.candidate)
        listed = [sparse.positive[0] * width + sparse.positive[1], sparse.left_out[0] * width + sparse.left_out[1]]
        fresh = []
        for anchor_text, candidate_text in self._columns():
            shared = SameItem(
                torch.where(anchor_text < 0, -2, anchor_text), candidate_text.clamp(min=-1)
            ).sparse()  # so that no candidate has the id -2
            if shared is None:
                return None
            fresh.append(shared.positive[0] * width + shared.positive[1])
        place = torch.unique(torch.cat(fresh))
        place = place[~torch.isin(place, torch.cat(listed))]
        left_out = torch.cat([sparse.left_out[0], place // width]), torch.cat([sparse.left_out[1], place % width])
        return sparse._replace(left_out=left_out)

    def _columns(self) -> Iterator[tuple[Int64[Tensor, " n"], Int64[Tensor, " m"]]]:
        return ((anchor_text, candidate_text) for anchor_text in self.anchor.T for candidate_text in self.candidate.T)


class WithoutDuplicates(nn.Module):
    """Removes negatives that share an id, before any other choice of negatives is applied."""

    duplicate_ids: Tensor

    def __init__(self, duplicate_ids: Int64[Tensor, "r v"], then: Negatives | None = None) -> None:
        super().__init__()
        self.register_buffer("duplicate_ids", duplicate_ids, persistent=False)
        self.then = then

    def fits(self, batch_size: int, micro_batch: int) -> None:
        """As the other negatives require."""
        fits = getattr(self.then, "fits", None)
        if fits is not None:
            fits(batch_size, micro_batch)

    def forward(self, comparison: Comparison, items: ItemInfo) -> Comparison:
        """The comparison without these negatives."""
        left = without_duplicates(comparison, self.duplicate_ids)
        return left if self.then is None else self.then(left, items)

    def after_step(self, step: Step) -> None:
        """As the other negatives require."""
        then: object = self.then
        if isinstance(then, Stateful):
            then.after_step(step)


def without_duplicates(comparison: Comparison, duplicate_ids: Int64[Tensor, "r v"]) -> Comparison:
    """The same comparison without negatives that share an id with the anchor.

    Args:
        comparison: Anchors and candidates, whose items are rows of ``duplicate_ids``.
        duplicate_ids: The content ids of every row.
    """
    anchor, candidate = comparison.relation.items()
    relation = DuplicateRelation(comparison.relation, _of(anchor, duplicate_ids), _of(candidate, duplicate_ids))
    return replace(comparison, relation=relation)


def _of(rows: Int64[Tensor, " n"], duplicate_ids: Int64[Tensor, "r v"]) -> Int64[Tensor, "n v"]:
    ids = duplicate_ids.to(rows.device)[rows.clamp(min=0)]
    return ids.masked_fill((rows < 0)[:, None], -1)
