r"""InfoNCE: classify the positive among its negatives.

    loss_i = -mean_{p in P(i)} log( e^{s_ip/t} / (e^{s_ip/t} + sum_{k in N(i)} e^{s_ik/t}) )

van den Oord et al. 2018, arXiv:1807.03748, eq. 4.  NT-Xent when anchors are candidates (Chen et al. 2020,
arXiv:2002.05709, eq. 1).
Use when: you have pairs and large batches.   Relations: with one negative, t * loss -> max(0, s_n - s_p) as t -> 0.

A positive as similar as the single negative is a guess between two:

>>> from counterpoint.comparison import Tile
>>> tile = Tile(torch.tensor([[0.5, 0.5]]), torch.tensor([[True, False]]), torch.tensor([[False, True]]))
>>> round(float(info_nce(tile, temperature=0.1)), 4)
0.6931
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from counterpoint.comparison import Tile
from counterpoint.comparison.row_sums import RowSums, has_shortcut


def from_sums(sums: RowSums, *, temperature: float | Float[Tensor, ""] = 0.1) -> Float[Tensor, " n"] | None:
    """The same from the log-sum-exp of the negatives: log(e^s + e^others) - s for every positive pair."""
    sparse = sums.sparse
    if sparse is None:
        return None
    anchor, s = sums.positives(sparse, temperature)
    others = sums.negatives(sparse, temperature).index_select(0, anchor)
    return sums.mean(anchor, torch.logaddexp(s, others) - s)


@has_shortcut(from_sums)
def info_nce(tile: Tile, *, temperature: float | Float[Tensor, ""] = 0.1) -> Float[Tensor, " b"]:
    """One loss per anchor, in nats. An anchor without positives has loss 0 and no gradient."""
    s = tile.similarity / temperature
    others = s.masked_fill(~tile.negative, -torch.inf).logsumexp(dim=1, keepdim=True)
    lost = (torch.logaddexp(s, others) - s).masked_fill(~tile.positive, 0.0)
    return lost.sum(dim=1) / tile.positive.sum(dim=1).clamp(min=1)
