r"""Debiased InfoNCE: corrects for negatives that are really positives, given their share.

    loss_i = -mean_{p in P(i)} log( e^{s_ip/t} / (e^{s_ip/t} + N g_i) ),      N = |N(i)|
    g_i = max( (mean_{n in N(i)} e^{s_in/t} - prior mean_{p in P(i)} e^{s_ip/t}) / (1 - prior), e^{-1/t} )

Chuang et al. 2020, arXiv:2007.00224, eq. 7 and 8, with the positives as the sample of the anchor's own class.
Use when: there are few classes, so that many negatives of a batch have the anchor's class; ``prior`` is the chance of
that, 1 / classes.   Relations: InfoNCE at prior 0; ``hard`` also weights the negatives.  The floor e^{-1/t} is the
minimum of e^{s/t} for cosines; for other similarities it applies earlier or later.

A positive of similarity 0 (e^0 = 1) and two negatives at e^{0.5/t} = 2, a third of which are positives: g is
(2 - 1/3) / (2/3) = 2.5, and the positive is one of 1 + 2 x 2.5:

>>> from counterpoint.comparison import Tile
>>> one, two = torch.tensor([[True, False, False]]), torch.tensor([[False, True, True]])
>>> tile = Tile(torch.tensor([[0.0, 0.5, 0.5]]), one, two)
>>> round(float(debiased(tile, temperature=0.5 / math.log(2), prior=1 / 3).exp()), 4)
6.0
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
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
    """The log of N g, from the log of the negatives' sum and the log of the positives' mean."""
    within("prior", prior, 0, 0.999)
    share = positive + torch.log(prior * count) - negatives
    some = share < -torch.finfo(share.dtype).tiny  # the remainder is positive, so its logarithm has a finite slope
    rest = negatives + torch.log(-torch.expm1(torch.where(some, share, -1.0))) - math.log1p(-prior)
    floor = torch.log(count) - 1 / temperature
    return torch.where(some & (rest > floor), rest, floor)


def from_sums(sums: RowSums, *, temperature: Scale = 0.1, prior: float = 0.1) -> Float[Tensor, " n"] | None:
    """The same from the log-sum-exp of the negatives, and the few positives."""
    sparse = sums.sparse
    if sparse is None:
        return None
    anchor, s = sums.positives(sparse, temperature)
    positive = sums.log_sum(anchor, s) - sums.log_sum(anchor, torch.zeros_like(s))
    others = true_negatives(
        sums.negatives(sparse, temperature), positive, sums.negative_count(sparse), prior, temperature
    )
    return sums.mean(anchor, -functional.logsigmoid(s - others.index_select(0, anchor)))


@has_shortcut(from_sums)
def debiased(tile: Tile, *, temperature: Scale = 0.1, prior: float = 0.1) -> Float[Tensor, " b"]:
    """One loss per anchor, in nats. An anchor without positives or without negatives has loss 0 and no gradient."""
    s = tile.similarity / temperature
    count = tile.positive.sum(dim=1).clamp(min=1)
    positive = s.masked_fill(~tile.positive, -torch.inf).logsumexp(dim=1) - torch.log(count.to(s.dtype))
    negatives = s.masked_fill(~tile.negative, -torch.inf).logsumexp(dim=1)
    others = true_negatives(negatives, positive, tile.negative.sum(dim=1).to(s.dtype), prior, temperature)
    lost = -functional.logsigmoid(s - others[:, None]).masked_fill(~tile.positive, 0.0)
    return lost.sum(dim=1) / count
