r"""Negatives of other classes only: candidates known to have the anchor's class are not its negatives.

    N'(i) = those j in N(i) with  y_j != y_i,  or y_i or y_j unknown

The true negatives of Chuang et al. 2020, arXiv:2007.00224, as far as labels are known; positives are unchanged.  Items
without a label, and candidates whose item is unknown, stay negatives.
Use when: some labels are known and should keep contrast from pushing classes apart, without defining the positives.
Relations: ``sup_con`` makes positives of those that are left out here, and so leaves nothing to remove.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from counterpoint.comparison import Comparison, Relation, SameItem, SparsePairs
from counterpoint.interfaces import ItemInfo


@dataclass(frozen=True)
class OtherClass(Relation):
    """A relation without the negatives of the anchor's class; classes are -1 where unknown."""

    inner: Relation
    anchor: Int64[Tensor, " n"]
    candidate: Int64[Tensor, " m"]

    def masks(self, rows: slice) -> tuple[Bool[Tensor, "b m"], Bool[Tensor, "b m"]]:
        positive, negative = self.inner.masks(rows)
        anchor_class = self.anchor[rows, None]
        return positive, negative & ((anchor_class < 0) | (anchor_class != self.candidate[None, :]))

    def part(self, rows: slice) -> OtherClass:
        return replace(self, inner=self.inner.part(rows), anchor=self.anchor[rows])

    def items(self) -> tuple[Int64[Tensor, " n"], Int64[Tensor, " m"]]:
        return self.inner.items()

    def sparse(self) -> SparsePairs | None:
        sparse = self.inner.sparse()
        class_ids = torch.where(self.anchor < 0, -2, self.anchor)  # an unknown anchor matches no unknown candidate
        same_class = SameItem(class_ids, self.candidate).sparse()
        if sparse is None or same_class is None:
            return None
        width = len(self.candidate)
        listed = torch.cat(
            [sparse.positive[0] * width + sparse.positive[1], sparse.left_out[0] * width + sparse.left_out[1]]
        )
        anchor, candidate = same_class.positive
        fresh = ~torch.isin(anchor * width + candidate, listed)
        more = (torch.cat([sparse.left_out[0], anchor[fresh]]), torch.cat([sparse.left_out[1], candidate[fresh]]))
        return sparse._replace(left_out=more)


def other_labels(comparison: Comparison, items: ItemInfo, *, class_ids: Int64[Tensor, " n"]) -> Comparison:
    """The same comparison without negatives of the anchor's own class.

    Args:
        comparison: Anchors and candidates, of items.
        items: The rows of the batch.
        class_ids: The class of every item of the dataset, -1 where unknown.
    """
    anchor, candidate = comparison.relation.items()
    if _of_classes(anchor, items):
        return comparison
    relation = OtherClass(comparison.relation, _class(anchor, class_ids), _class(candidate, class_ids))
    return replace(comparison, relation=relation)


def _of_classes(anchor: Int64[Tensor, " n"], items: ItemInfo) -> bool:
    """Whether the method already treats the items of a class as one, as ``sup_con`` does."""
    views = len(anchor) // len(items.index)
    return torch.equal(anchor, items.classes().repeat(views)) and not torch.equal(anchor, items.index.repeat(views))


def _class(item: Int64[Tensor, " n"], class_ids: Int64[Tensor, " _"]) -> Int64[Tensor, " n"]:
    return torch.where(item < 0, -1, class_ids.to(item.device)[item.clamp(min=0)])
