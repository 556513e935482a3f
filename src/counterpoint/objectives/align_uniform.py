r"""Alignment and uniformity: positives close to each other, everything spread over the sphere.

    loss_i = mean_{p in P(i)} |x_i - x_p|^alpha + weight log mean_{n in N(i)} e^{-sharpness |x_i - x_n|^2}
    |x_i - x_k|^2 = 2 - 2 s_ik

Wang & Isola 2020, arXiv:2005.10242, sec. 4.1.
Use when: the two aims shall be weighted against each other, or monitored one by one.   Relations: the paper takes the
logarithm of the mean over all pairs of a batch; here it is taken per anchor, as in the limit of InfoNCE in its theorem
1, and is at most the paper's on average.  At alpha 2 and weight 1 / sharpness it is ``decoupled`` at temperature
1 / (2 sharpness), up to a factor and a constant.  Without negatives only the alignment remains.

A positive at a right angle, squared distance 2, and a negative opposite, squared distance 4, that counts e^-8:

>>> from counterpoint.comparison import Tile
>>> tile = Tile(torch.tensor([[0.0, -1.0]]), torch.tensor([[True, False]]), torch.tensor([[False, True]]))
>>> float(align_uniform(tile))  # 2 - 2 x 4
-6.0
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from counterpoint.comparison import Tile
from counterpoint.comparison.row_sums import RowSums, has_shortcut
from counterpoint.plans import within


def allowed(alpha: float, sharpness: float, weight: float) -> None:
    """Raise ``PlanError`` for options outside their ranges."""
    within("alpha", alpha, 0.001)
    within("sharpness", sharpness, 0.001)
    within("weight", weight, 0)


def between(s: Float[Tensor, "*any"], alpha: float) -> Float[Tensor, "*any"]:
    """The distance of unit vectors to the power of alpha; at distance 0 its gradient is 0."""
    square = 2 - 2 * s
    apart = square > 0  # else the root has an infinite slope, or rounding makes it negative
    return torch.where(apart, square, 1.0).pow(alpha / 2).masked_fill(~apart, 0.0)


def from_sums(
    sums: RowSums, *, alpha: float = 2.0, sharpness: float = 2.0, weight: float = 1.0
) -> Float[Tensor, " n"] | None:
    """The same from the log-sum-exp of the negatives at temperature 1 / (2 sharpness), and the few positives."""
    allowed(alpha, sharpness, weight)
    sparse = sums.sparse
    if sparse is None:
        return None
    anchor, s = sums.positives(sparse, 1.0)
    count = sums.negative_count(sparse)
    spread = sums.negatives(sparse, 1 / (2 * sharpness)) - torch.log(count) - 2 * sharpness
    spread = torch.where(count > 0, spread, 0.0).index_select(0, anchor)
    return sums.mean(anchor, between(s, alpha) + weight * spread)


@has_shortcut(from_sums)
def align_uniform(
    tile: Tile, *, alpha: float = 2.0, sharpness: float = 2.0, weight: float = 1.0
) -> Float[Tensor, " b"]:
    """One loss per anchor. An anchor without positives has loss 0 and no gradient."""
    allowed(alpha, sharpness, weight)
    s, positives, count = tile.similarity, tile.positive.sum(dim=1), tile.negative.sum(dim=1)
    close = between(s, alpha).masked_fill(~tile.positive, 0.0).sum(dim=1) / positives.clamp(min=1)
    alike = (2 * sharpness * s).masked_fill(~tile.negative, -torch.inf).logsumexp(dim=1)
    spread = (alike - torch.log(count.to(s.dtype)) - 2 * sharpness).masked_fill(count == 0, 0.0)
    return (close + weight * spread).masked_fill(positives == 0, 0.0)
