r"""A memory bank: a moving average of every item's vectors, and those of other items as negatives.

    candidates = [c; v_j ...]      anchor i negative to v_j where j is another item;      v_j <- m v_j + (1 - m) z_j

Wu et al. 2018, arXiv:1805.01978, section 3.1.  The last of a method's vectors are stored: the second view of
``simclr``, the keys where there are keys.  An item counts from its first step on; vectors are not normalised, which
makes no difference to the cosine.
Use when: batches are small and the dataset is not large: the bank holds a vector of every item, in memory and in
``state.pt``, and all of it is compared with unless ``k`` are drawn. Vectors that are an epoch old did harm when all
were used, and none when about a batch of them was drawn (figures in LOG.md).
Relations: ``queue`` keeps the newest vectors, however many items there are.
"""

from __future__ import annotations

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from counterpoint import rng
from counterpoint.comparison import Comparison
from counterpoint.interfaces import ItemInfo, Step
from counterpoint.negatives.extra_columns import with_extra_columns
from counterpoint.plans import within


class Bank(nn.Module):
    """A vector (items, d) of every item that has been seen."""

    vectors: Tensor
    numbers: Tensor
    seen: Tensor

    def __init__(self, items: int, width: int, *, k: int | None = None, momentum: float = 0.5) -> None:
        super().__init__()
        if k is not None:
            within("k of bank", k, 1, kind=int)
        within("momentum of bank", momentum, 0, 1)
        self.k, self.momentum = k, momentum
        self.register_buffer("vectors", torch.zeros(items, width))
        self.register_buffer("numbers", torch.zeros(items, dtype=torch.int64))
        self.register_buffer("seen", torch.zeros(items, dtype=torch.bool))

    def forward(self, comparison: Comparison, items: ItemInfo) -> Comparison:
        """The comparison with the bank, or ``k`` vectors of it, as further candidates."""
        chosen = self._chosen(items.key)
        return with_extra_columns(comparison, self.vectors[chosen], self.numbers[chosen])

    def _chosen(self, key: int) -> Int64[Tensor, " q"]:
        """The items of the bank that are negatives in this step, the same for all anchors."""
        seen = self.seen.nonzero()[:, 0]
        if self.k is None or len(seen) <= self.k:
            return seen
        lots = rng.keys(seed=key, epoch=0, items=seen, view=-3)
        return seen[lots.topk(self.k).indices.sort().values]

    @torch.no_grad()
    def after_step(self, step: Step) -> None:
        """Update the vectors of the items of this batch."""
        index = step.items.index
        fresh = step.vectors[-1].to(self.vectors.dtype)
        moved = torch.lerp(self.vectors[index], fresh, 1 - self.momentum)
        self.vectors[index] = torch.where(self.seen[index, None], moved, fresh)
        self.numbers[index] = step.items.classes()
        self.seen[index] = True
