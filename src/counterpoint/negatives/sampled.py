r"""Some negatives, drawn at random for each anchor.

    N'(i) = k of N(i),   uniformly, without replacement, anew in every step

Noise-contrastive estimation with k samples, Gutmann & Hyvaerinen 2010; as an objective van den Oord et al. 2018,
arXiv:1807.03748, eq. 4.  The draw is a function of the step, of the anchor's item and of a candidate's index, so views
of one item draw the same, and so do all processes.
Use when: you study the effect of the number of negatives at a fixed batch size.
"""

from __future__ import annotations

from functools import partial

import torch

from counterpoint import rng
from counterpoint.comparison import Comparison, Tile
from counterpoint.interfaces import ItemInfo
from counterpoint.plans import within


def sampled(comparison: Comparison, items: ItemInfo, *, k: int = 64) -> Comparison:
    """The same comparison with at most ``k`` negatives for each anchor."""
    within("k of sampled", k, 1, kind=int)
    return comparison.sifted(partial(_drawn, k=k, key=items.key))


def _drawn(tile: Tile, part: Comparison, *, k: int, key: int) -> Tile:
    anchor, _ = part.relation.items()
    lots = rng.uniform(rng.keys(seed=key, epoch=0, items=anchor, view=0), tile.negative.shape[1], "sampled")
    chosen = lots.masked_fill_(~tile.negative, -1.0).topk(min(k, lots.shape[1]), dim=1).indices
    kept = torch.zeros_like(tile.negative).scatter_(1, chosen, True)
    return tile._replace(negative=tile.negative & kept)
