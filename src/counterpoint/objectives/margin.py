r"""Margin: pull positives together, push negatives apart up to a margin.

    loss_i = mean_{k in P(i) + N(i)} ( D_ik^2 if k in P(i) else max(margin - D_ik, 0)^2 ),      D_ik = sqrt(-s_ik)

Hadsell, Chopra & LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping" (CVPR), eq. 4, without its
factor 1/2; restated so by Wu et al. 2017, arXiv:1706.07567, sec. 3.  The similarity s is minus the squared distance.
Use when: distances shall have an absolute scale, so that one threshold separates similar from dissimilar, as with pairs
labelled so.   Relations: ``triplet`` uses only relative distances.  Pairs are independent, so an anchor without
positives is still pushed away from its negatives.  At D = 0 the gradient of a negative has no direction; it is taken
as 0.

A positive at distance 1 and a negative at distance 1/2, which is 1/2 too near: the mean of 1 and 1/4:

>>> from counterpoint.comparison import Tile
>>> tile = Tile(torch.tensor([[-1.0, -0.25]]), torch.tensor([[True, False]]), torch.tensor([[False, True]]))
>>> float(margin(tile))
0.625
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from counterpoint.comparison import Tile
from counterpoint.plans import within


def margin(tile: Tile, *, margin: float = 1.0) -> Float[Tensor, " b"]:
    """One loss per anchor, in squared distance. An anchor without positives and negatives has loss 0."""
    within("margin", margin, 0)
    square = (-tile.similarity).clamp(min=0)  # rounding may make equal vectors differ slightly to either side of 0
    apart = square > 0
    distance = torch.where(apart, square, 1.0).sqrt().masked_fill(~apart, 0.0)  # the root's slope at 0 is infinite
    near = (margin - distance).relu().square()
    lost = torch.where(tile.positive, square, near.masked_fill(~tile.negative, 0.0))
    return lost.sum(dim=1) / (tile.positive | tile.negative).sum(dim=1).clamp(min=1)
