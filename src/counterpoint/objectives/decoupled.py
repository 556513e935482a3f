r"""Decoupled InfoNCE: the positive is left out of the denominator.

    loss_i = -mean_{p in P(i)} s_ip/t + log sum_{n in N(i)} e^{s_in/t}

Yeh et al. 2021, arXiv:2110.06848, eq. 6.
Use when: batches are small, or training is short.   Relations: InfoNCE without the positive in the denominator, where
its gradient vanishes once the positive stands out; this one's does not, and the loss is not bounded below by 0.

The positive is as similar as each of two negatives, which leaves log 2:

>>> from counterpoint.comparison import Tile
>>> one, two = torch.tensor([[True, False, False]]), torch.tensor([[False, True, True]])
>>> round(float(decoupled(Tile(torch.tensor([[0.5, 0.5, 0.5]]), one, two), temperature=0.1)), 4)
0.6931
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from counterpoint.comparison import Tile
from counterpoint.comparison.row_sums import RowSums, has_shortcut


def from_sums(sums: RowSums, *, temperature: float | Float[Tensor, ""] = 0.1) -> Float[Tensor, " n"] | None:
    """The same from the log-sum-exp of the negatives, and the few positives."""
    sparse = sums.sparse
    if sparse is None:
        return None
    anchor, s = sums.positives(sparse, temperature)
    others = sums.negatives(sparse, temperature).index_select(0, anchor)
    return sums.mean(anchor, torch.where(others.isneginf(), 0.0, others - s))


@has_shortcut(from_sums)
def decoupled(tile: Tile, *, temperature: float | Float[Tensor, ""] = 0.1) -> Float[Tensor, " b"]:
    """One loss per anchor, in nats. An anchor without positives or without negatives has loss 0 and no gradient."""
    s = tile.similarity / temperature
    others = s.masked_fill(~tile.negative, -torch.inf).logsumexp(dim=1)
    mean_positive = s.masked_fill(~tile.positive, 0.0).sum(dim=1) / tile.positive.sum(dim=1).clamp(min=1)
    compared = tile.positive.any(dim=1) & tile.negative.any(dim=1)
    return (others - mean_positive).masked_fill(~compared, 0.0)
