r"""CSI: contrast in which shifted versions of an item, such as a picture turned by a quarter, are items of their own.

    x_s = S_s(x), s = 1..4,   h = f(view of x_s),   z = g(h)
    loss = L(z) + a / 8 sum_views -log softmax(W h)_s,     L: the two views of x_s are positives, all else negatives

Tack et al. 2020, arXiv:2007.08176, eq. 3 to 5; with a = 0 it is distribution augmentation, Sohn et al. 2021,
arXiv:2011.02578, section 3.2.  Views 2s - 1 and 2s are of shift s; the modality shifts: pictures are turned.  Plain
contrast spreads the vectors of normal items over the whole sphere and leaves no room for others; here shifted items,
which stand for anomalies, take a part of it.
Use when: normal items are of one kind, and anomalies shall be detected by Mahalanobis distance.
Relations: without shifts it is ``simclr``, which takes a quarter of the time per item.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.comparison import Comparison, Similarity, cosine, same_item, wide
from counterpoint.encoders.batched_views import together
from counterpoint.heads import inputs_of
from counterpoint.interfaces import ItemInfo, Losses, Method, Objective, Vectors, Views
from counterpoint.plans import within

APART = 1 << 40
"""Between the numbers of one item's shifts: more than there are items."""


class CSI(Method):
    """An encoder with two heads: one for contrast, and a linear one, of weight ``weight``, that names the shift."""

    views = 8
    shifts = 4
    usual: ClassVar = {"batch_size": 64}

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        objective: Objective,
        *,
        similarity: Similarity = cosine,
        weight: float = 1.0,
    ) -> None:
        super().__init__()
        within("weight", weight, 0)
        self.encoder, self.head = encoder, head
        self.top = nn.Linear(inputs_of(head), self.shifts) if weight else None
        self.objective, self.similarity, self.weight = objective, similarity, weight

    def project(self, views: Views) -> Vectors:
        h = together(self.encoder, views)
        z = together(self.head, h)
        return z if self.top is None else (*together(self.top, h), *z)

    def compare(self, vectors: Vectors, items: ItemInfo) -> tuple[Comparison | Losses, ...]:
        scores, z = vectors[: -self.views], torch.cat(vectors[-self.views :])
        # Queues and banks keep the last of a method's vectors by the numbers of items: so the last shift has those.
        numbers = [items.index + APART * (self.shifts - 1 - self.shift_of(view)) for view in range(self.views)]
        contrast = Comparison(z, z, same_item(torch.cat(numbers)), self.similarity)
        if not scores:
            return (contrast,)
        each = [_missed(view, self.shift_of(number)) for number, view in enumerate(scores)]
        return contrast, self.weight * torch.stack(each).mean(dim=0)

    def shift_of(self, view: int) -> int:
        """The shift, counted from 0, of the view with this number."""
        return view * self.shifts // self.views


def _missed(scores: Tensor, shift: int) -> Losses:
    """The cross-entropy of every row for its shift."""
    scores = wide(scores)
    return functional.cross_entropy(scores, scores.new_full((len(scores),), shift, dtype=torch.int64), reduction="none")
