r"""N-pair: a positive against all negatives at once.

    loss_i = mean_{p in P(i)} log( 1 + sum_{n in N(i)} e^{s_in - s_ip} )

Sohn 2016, "Improved Deep Metric Learning with Multi-class N-pair Loss Objective" (NIPS), eq. 3; with a temperature it
is Chen et al. 2020, arXiv:2002.05709, eq. 1.
Use when: vectors keep their length, which then expresses the network's confidence.   Relations: InfoNCE at temperature
1.  With inner products the lengths act as the temperature and grow without bound, unless weights decay; with cosines
the loss is nearly flat.

A positive as similar as its only negative is a guess between two, log(1 + e^0):

>>> from counterpoint.comparison import Tile
>>> tile = Tile(torch.tensor([[3.0, 3.0]]), torch.tensor([[True, False]]), torch.tensor([[False, True]]))
>>> round(float(n_pair(tile)), 4)
0.6931
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from counterpoint.comparison import Tile
from counterpoint.comparison.row_sums import RowSums, has_shortcut


def from_sums(sums: RowSums) -> Float[Tensor, " n"] | None:
    """The same from the log-sum-exp of the negatives: log(1 + e^{others - s}) for every positive pair."""
    sparse = sums.sparse
    if sparse is None:
        return None
    anchor, s = sums.positives(sparse, 1.0)
    others = sums.negatives(sparse, 1.0).index_select(0, anchor)
    return sums.mean(anchor, -functional.logsigmoid(s - others))


@has_shortcut(from_sums)
def n_pair(tile: Tile) -> Float[Tensor, " b"]:
    """One loss per anchor, in nats. An anchor without positives has loss 0 and no gradient."""
    s = tile.similarity
    others = s.masked_fill(~tile.negative, -torch.inf).logsumexp(dim=1, keepdim=True)
    lost = -functional.logsigmoid(s - others).masked_fill(~tile.positive, 0.0)
    return lost.sum(dim=1) / tile.positive.sum(dim=1).clamp(min=1)
