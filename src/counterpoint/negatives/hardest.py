r"""The hardest negatives: each anchor is compared with the k most similar negatives only.

    N'(i) = the k largest s_ij among j in N(i)

Xuan et al. 2020, arXiv:2007.12749.  With one negative it is the mining of FaceNet.
Use when: nearly all negatives are easy, and labels identify true negatives or there are many classes. Without labels
and with few classes the hardest negatives often have the anchor's class: see ``ring`` and ``cancelled``.
"""

from __future__ import annotations

from functools import partial

import torch

from counterpoint.comparison import Comparison, Tile
from counterpoint.interfaces import ItemInfo
from counterpoint.plans import within


def hardest(comparison: Comparison, items: ItemInfo, *, k: int = 16) -> Comparison:
    """The same comparison with at most ``k`` negatives for each anchor."""
    within("k of hardest", k, 1, kind=int)
    return comparison.sifted(partial(_most_alike, k=k))


def _most_alike(tile: Tile, part: Comparison, *, k: int) -> Tile:
    score = tile.similarity.detach().masked_fill(~tile.negative, -torch.inf)
    chosen = score.topk(min(k, score.shape[1]), dim=1).indices
    kept = torch.zeros_like(tile.negative).scatter_(1, chosen, True)
    return tile._replace(negative=tile.negative & kept)
