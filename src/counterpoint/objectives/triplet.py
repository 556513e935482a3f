r"""Triplet, batch all: every positive is more similar than every negative, by a margin.

    loss_i = mean_{p in P(i)} mean_{n in N(i)} max(0, s_in - s_ip + margin)

Hermans et al. 2017, arXiv:1703.07737, sec. 2, L_BA; the loss of a triplet is Schroff et al. 2015, arXiv:1503.03832.
The mean is over all triplets, also those that satisfy the margin.
Use when: only relative order matters; labels may be noisy.   Relations: the mean over all triplets, where triplet_hard
takes the worst of an anchor and triplet_semi_hard one per positive.  InfoNCE is its soft version.

Of the negatives sorted by similarity, only a prefix can violate a positive's margin: with its length and its sum, from
a cumulative sum of the sorted row, P x N triplets cost no more than sorting.

One negative is 0.1 too near, the other far enough:

>>> from counterpoint.comparison import Tile
>>> one, two = torch.tensor([[True, False, False]]), torch.tensor([[False, True, True]])
>>> round(float(triplet(Tile(torch.tensor([[0.5, 0.4, 0.1]]), one, two))), 4)  # (0.1 + 0) / 2
0.05
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from counterpoint.comparison import Tile
from counterpoint.plans import within


def triplet(tile: Tile, *, margin: float = 0.2) -> Float[Tensor, " b"]:
    """One loss per anchor, in similarity. An anchor without positives or without negatives has loss 0."""
    within("margin", margin, 0)
    count = tile.positive.sum(dim=1)
    most = max(count.tolist(), default=0)
    positives = tile.similarity.masked_fill(~tile.positive, -torch.inf).topk(most, dim=1).values
    real = torch.arange(most, device=positives.device) < count[:, None]
    limit = (margin - positives.masked_fill(~real, 0.0)).contiguous()
    unlike = (-tile.similarity).masked_fill(~tile.negative, torch.inf).sort(dim=1).values.contiguous()
    violating = torch.searchsorted(unlike.detach(), limit.detach())
    sums = unlike.masked_fill(unlike.isinf(), 0.0).cumsum(dim=1).gather(1, (violating - 1).clamp(min=0))
    lost = torch.where(real & (violating > 0), violating * limit - sums, 0.0)
    return lost.sum(dim=1) / (count * tile.negative.sum(dim=1)).clamp(min=1)
