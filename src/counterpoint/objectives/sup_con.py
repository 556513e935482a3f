r"""SupCon: all items of a class are positives, and each of them competes with everything else.

    loss_i = -1 / |P(i)| sum_{p in P(i)} ( s_ip/t - log sum_{a in P(i) + N(i)} e^{s_ia/t} )

Khosla et al. 2020, arXiv:2004.11362, eq. 2 (the sum over positives is outside the logarithm).
Use when: items have labels: their class is then what positives share.   Relations: InfoNCE leaves an anchor's other
positives out of the denominator; with one positive per anchor the two are equal.

Two positives, equally similar, and no negatives: each is a guess between two:

>>> from counterpoint.comparison import Tile
>>> tile = Tile(torch.tensor([[0.5, 0.5]]), torch.tensor([[True, True]]), torch.tensor([[False, False]]))
>>> round(float(sup_con(tile, temperature=0.1)), 4)
0.6931
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from counterpoint.comparison import Tile
from counterpoint.comparison.row_sums import RowSums, has_shortcut


def from_sums(sums: RowSums, *, temperature: float | Float[Tensor, ""] = 0.1) -> Float[Tensor, " n"] | None:
    """The same from the log-sum-exp over all candidates, and the mean vector of every class."""
    groups = sums.groups
    if groups is None:
        return None
    mean_positive, count = sums.mean_positive(groups, temperature)
    return torch.where(count > 0, sums.compared(groups, temperature) - mean_positive, 0.0)


@has_shortcut(from_sums)
def sup_con(tile: Tile, *, temperature: float | Float[Tensor, ""] = 0.1) -> Float[Tensor, " b"]:
    """One loss per anchor, in nats. An anchor without positives has loss 0 and no gradient."""
    s = tile.similarity / temperature
    count = tile.positive.sum(dim=1)
    compared = s.masked_fill(~(tile.positive | tile.negative), -torch.inf).logsumexp(dim=1)
    mean_positive = s.masked_fill(~tile.positive, 0.0).sum(dim=1) / count.clamp(min=1)
    return (compared - mean_positive).masked_fill(count == 0, 0.0)
