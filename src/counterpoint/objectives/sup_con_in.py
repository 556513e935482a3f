r"""SupCon with the logarithm outside the sum: some positives of the class shall stand out, no matter which.

    loss_i = -log( 1 / |P(i)| sum_{p in P(i)} e^{s_ip/t} / sum_{a in P(i) + N(i)} e^{s_ia/t} )

Khosla et al. 2020, arXiv:2004.11362, eq. 3 (the sum over positives is inside the logarithm).
Use when: a class has several modes, and an item need only be similar to some of them.   Relations: at most sup_con, by
Jensen's inequality, and equal to it with one positive; the nearest positives get most of the gradient. The paper finds
it the weaker of the two for class labels.  Without negatives log |P(i)| remains.

Two positives and two negatives, all equally similar: the mean positive is one of four:

>>> from counterpoint.comparison import Tile
>>> two, rest = torch.tensor([[True, True, False, False]]), torch.tensor([[False, False, True, True]])
>>> round(float(sup_con_in(Tile(torch.full((1, 4), 0.5), two, rest), temperature=0.1).exp()), 4)
4.0
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from counterpoint.comparison import Tile
from counterpoint.comparison.row_sums import RowSums, has_shortcut


def from_sums(sums: RowSums, *, temperature: float | Float[Tensor, ""] = 0.1) -> Float[Tensor, " n"] | None:
    """The same from the log-sum-exp of the negatives, and the few positives."""
    sparse = sums.sparse
    if sparse is None:
        return None
    anchor, s = sums.positives(sparse, temperature)
    positives = sums.log_sum(anchor, s).index_select(0, anchor)
    count = torch.bincount(anchor).to(s.dtype).index_select(0, anchor)
    others = sums.negatives(sparse, temperature).index_select(0, anchor)
    return sums.mean(anchor, torch.log(count) - functional.logsigmoid(positives - others))


@has_shortcut(from_sums)
def sup_con_in(tile: Tile, *, temperature: float | Float[Tensor, ""] = 0.1) -> Float[Tensor, " b"]:
    """One loss per anchor, in nats. An anchor without positives has loss 0 and no gradient."""
    s = tile.similarity / temperature
    count = tile.positive.sum(dim=1)
    positives = s.masked_fill(~tile.positive, -torch.inf).logsumexp(dim=1)
    others = s.masked_fill(~tile.negative, -torch.inf).logsumexp(dim=1)
    return (torch.log(count.to(s.dtype)) - functional.logsigmoid(positives - others)).masked_fill(count == 0, 0.0)
