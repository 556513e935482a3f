r"""Hard negatives: InfoNCE with more weight on the most similar negatives, corrected for false ones.

    loss_i = -mean_{p in P(i)} log( e^{s_ip/t} / (e^{s_ip/t} + N g_i) ),      N = |N(i)|
    g_i = max( (E_{n in N(i)} e^{s_in/t} - prior E_{p in P(i)} e^{s_ip/t}) / (1 - prior), e^{-1/t} )
    E_{k in K} e^{s_ik/t} = sum_{k in K} e^{beta s_ik/t} e^{s_ik/t} / sum_{k in K} e^{beta s_ik/t}

Robinson et al. 2021, arXiv:2010.04592, sec. 3: means over samples that are weighted by e^{beta s/t}.
Use when: batches are large and most negatives are easy.   Relations: ``debiased`` at beta 0; as beta grows only
the hardest negative counts, N times.  The more hard negatives count, the more it matters which of them are really
positives: ``prior`` is the share of these, such as 1 / classes.

A positive of similarity 0 (e^0 = 1) and negatives at e^{s/t} of 1 and 3, weighted 1 to 3: their mean is
(1 + 9) / (1 + 3) = 2.5, and the positive is one of 1 + 2 x 2.5:

>>> from counterpoint.comparison import Tile
>>> one, two = torch.tensor([[True, False, False]]), torch.tensor([[False, True, True]])
>>> tile = Tile(torch.tensor([[0.0, 0.0, math.log(3)]]), one, two)
>>> round(float(hard(tile, temperature=1.0, prior=0.0, beta=1.0).exp()), 4)
6.0
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from counterpoint.comparison import Tile
from counterpoint.comparison.row_sums import RowSums, Scale, has_shortcut
from counterpoint.plans import within


def true_negatives(
    negatives: Float[Tensor, " n"],
    positive: Float[Tensor, " n"],
    count: Float[Tensor, " n"],
    prior: float,
    temperature: Scale,
) -> Float[Tensor, " n"]:
    """The log of N g, from the logs of N E over the negatives and of E over the positives."""
    within("prior", prior, 0, 0.999)
    share = positive + torch.log(prior * count) - negatives
    some = share < -torch.finfo(share.dtype).tiny  # the remainder is positive, so its logarithm has a finite slope
    rest = negatives + torch.log(-torch.expm1(torch.where(some, share, -1.0))) - math.log1p(-prior)
    floor = torch.log(count) - 1 / temperature
    return torch.where(some & (rest > floor), rest, floor)


def from_sums(
    sums: RowSums, *, temperature: Scale = 0.1, prior: float = 0.1, beta: float = 1.0
) -> Float[Tensor, " n"] | None:
    """The same from two log-sum-exps of the negatives, at two temperatures, and the few positives."""
    within("beta", beta, 0)
    sparse = sums.sparse
    if sparse is None:
        return None
    anchor, s = sums.positives(sparse, temperature)
    positive = sums.log_sum(anchor, (1 + beta) * s) - sums.log_sum(anchor, beta * s)
    count = sums.negative_count(sparse)
    weights = sums.negatives(sparse, temperature / beta) if beta > 0 else torch.log(count)
    negatives = torch.log(count) + sums.negatives(sparse, temperature / (1 + beta)) - weights
    others = true_negatives(negatives, positive, count, prior, temperature)
    return sums.mean(anchor, -functional.logsigmoid(s - others.index_select(0, anchor)))


def weighted(s: Float[Tensor, "b m"], among: Bool[Tensor, "b m"], beta: float) -> Float[Tensor, " b"]:
    """The log of E over some entries of every row; NaN where there are none."""
    above = ((1 + beta) * s).masked_fill(~among, -torch.inf).logsumexp(dim=1)
    return above - (beta * s).masked_fill(~among, -torch.inf).logsumexp(dim=1)


@has_shortcut(from_sums)
def hard(tile: Tile, *, temperature: Scale = 0.1, prior: float = 0.1, beta: float = 1.0) -> Float[Tensor, " b"]:
    """One loss per anchor, in nats. An anchor without positives or without negatives has loss 0 and no gradient."""
    within("beta", beta, 0)
    s = tile.similarity / temperature
    count = tile.negative.sum(dim=1).to(s.dtype)
    negatives = torch.log(count) + weighted(s, tile.negative, beta)
    others = true_negatives(negatives, weighted(s, tile.positive, beta), count, prior, temperature)
    lost = -functional.logsigmoid(s - others[:, None]).masked_fill(~tile.positive, 0.0)
    return lost.sum(dim=1) / tile.positive.sum(dim=1).clamp(min=1)
