r"""A ring of negatives: without the easiest, which have no gradient, and the hardest, which may be of the same class.

    N'(i) = those j in N(i) with  low <= rank_i(j) / |N(i)| <= high     rank_i from the least similar to the most

Wu et al. 2021, arXiv:2010.02037: negatives in a ring around the anchor, by percentiles of similarity.
Use when: there are no labels, most negatives are easy, and about a share 1 - high of them have the anchor's class.
Relations: with high = 1 it is ``hardest`` with a share instead of a count; with low = 0 it is ``cancelled``.
"""

from __future__ import annotations

from functools import partial

import torch

from counterpoint.comparison import Comparison, Tile
from counterpoint.errors import PlanError
from counterpoint.interfaces import ItemInfo
from counterpoint.plans import within


def ring(comparison: Comparison, items: ItemInfo, *, low: float = 0.5, high: float = 0.95) -> Comparison:
    """The same comparison with the negatives between two quantiles of similarity per anchor; at least one of them."""
    within("low of ring", low, 0, 1)
    within("high of ring", high, 0, 1)
    if low >= high:
        raise PlanError(f"A ring lies between low and high, so low must be below. Got low={low}, high={high}.")
    return comparison.sifted(partial(_between, low=low, high=high))


def _between(tile: Tile, part: Comparison, *, low: float, high: float) -> Tile:
    score = tile.similarity.detach().masked_fill(~tile.negative, torch.inf)
    ordered = score.sort(dim=1).values
    count = tile.negative.sum(dim=1, keepdim=True).double()
    first = (low * count).round().clamp(max=count - 1).long().clamp(min=0)
    last = ((high * count).round().long() - 1).clamp(min=first)
    inside = (score >= ordered.gather(1, first)) & (score <= ordered.gather(1, last))
    return tile._replace(negative=tile.negative & inside)
