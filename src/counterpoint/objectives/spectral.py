r"""Spectral contrast: positives aligned, negatives orthogonal.

    loss_i = -2 mean_{p in P(i)} s_ip + mean_{n in N(i)} s_in^2

HaoChen et al. 2021, arXiv:2106.04156, sec. 3.2.
Use when: vectors keep their length and shall be the leading eigenvectors of the graph of similar items, with the
paper's guarantees for linear classifiers.   Relations: a low-rank factorisation of that graph, up to a constant; no
temperature and no exponential, so a negative of similarity -1 is pushed as hard as one of similarity 1.  Without
negatives the term of the positives remains, which is not bounded below.

A positive at similarity 1, negatives at 1 and 0: -2 x 1 + (1 + 0) / 2:

>>> import torch
>>> from counterpoint.comparison import Tile
>>> one, two = torch.tensor([[True, False, False]]), torch.tensor([[False, True, True]])
>>> float(spectral(Tile(torch.tensor([[1.0, 1.0, 0.0]]), one, two)))
-1.5
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from counterpoint.comparison import Tile
from counterpoint.comparison.row_sums import RowSums, has_shortcut


def from_sums(sums: RowSums) -> Float[Tensor, " n"] | None:
    """The same from the second moment of the candidates, and the few pairs that are not negatives."""
    sparse = sums.sparse
    if sparse is None:
        return None
    anchor, s = sums.positives(sparse, 1.0)
    count = sums.negative_count(sparse)
    apart = (sums.negative_squares(sparse) / count.clamp(min=1)).masked_fill(count == 0, 0.0)
    return sums.mean(anchor, apart.index_select(0, anchor) - 2 * s)


@has_shortcut(from_sums)
def spectral(tile: Tile) -> Float[Tensor, " b"]:
    """One loss per anchor. An anchor without positives has loss 0 and no gradient."""
    s, count = tile.similarity, tile.positive.sum(dim=1)
    together = s.masked_fill(~tile.positive, 0.0).sum(dim=1) / count.clamp(min=1)
    apart = s.square().masked_fill(~tile.negative, 0.0).sum(dim=1) / tile.negative.sum(dim=1).clamp(min=1)
    return (apart - 2 * together).masked_fill(count == 0, 0.0)
