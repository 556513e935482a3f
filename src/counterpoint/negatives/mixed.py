r"""Mixed negatives: additional points between the hardest ones, harder than any in the batch.

    h  = unit(a n_i + (1 - a) n_j),     a in [0, 1)            `pairs` of these,  n_i, n_j among the k hardest
    h' = unit(b q + (1 - b) n_i),       b in [0, 0.5)   `anchor_pairs` of these,    q the anchor itself

MoCHi, Kalantidis et al. 2020, arXiv:2010.01028, sections 4.1 and 4.2 (there k = 1024 of a queue of 65,536).  As with
the paper's queued keys, mixed points are constants: only the anchor gets a gradient.
Use when: a run separates its negatives quickly and batches cannot grow. Without labels and with few classes the hardest
often have the anchor's class, and so do their mixtures.
"""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from counterpoint import rng
from counterpoint.comparison import Comparison, Tile, cosine, unit
from counterpoint.errors import PlanError
from counterpoint.interfaces import ItemInfo
from counterpoint.plans import within


def mixed(
    comparison: Comparison, items: ItemInfo, *, k: int = 64, pairs: int = 16, anchor_pairs: int = 8
) -> Comparison:
    """The comparison with ``pairs`` + ``anchor_pairs`` more negatives for each anchor, mixed from its ``k`` hardest."""
    within("k of mixed", k, 1, kind=int)
    within("pairs of mixed", pairs, 0, kind=int)
    within("anchor_pairs of mixed", anchor_pairs, 0, kind=int)
    if pairs + anchor_pairs == 0:
        raise PlanError(
            "mixed(pairs=0, anchor_pairs=0) mixes nothing. Make one of the two larger, or leave out --negatives."
        )
    if comparison.similarity is not cosine:
        raise PlanError("Negatives are mixed on the sphere, so 'mixed' needs --similarity=cosine.")
    return comparison.sifted(partial(_with_mixed, k=k, pairs=pairs, anchor_pairs=anchor_pairs, key=items.key))


def _with_mixed(tile: Tile, part: Comparison, *, k: int, pairs: int, anchor_pairs: int, key: int) -> Tile:
    table = part.lifted()  # vectors of length 1, in 32 bits
    count = tile.negative.sum(dim=1).clamp(max=k)
    score = tile.similarity.detach().masked_fill(~tile.negative, -torch.inf)
    hard = score.topk(min(k, score.shape[1]), dim=1).indices
    lots = rng.keys(seed=key, epoch=0, items=part.relation.items()[0], view=0)
    points = _points(
        table.anchors.detach(), table.candidates.detach(), hard, count, lots, pairs=pairs, anchor_pairs=anchor_pairs
    )
    alike = torch.einsum("bd,bsd->bs", table.anchors, points)
    some = (count > 0)[:, None].expand_as(alike)
    return Tile(
        torch.cat([tile.similarity, alike], dim=1),
        torch.cat([tile.positive, torch.zeros_like(some)], dim=1),
        torch.cat([tile.negative, some], dim=1),
    )


def _points(
    anchors: Float[Tensor, "b d"],
    candidates: Float[Tensor, "m d"],
    hard: Int64[Tensor, "b k"],
    count: Int64[Tensor, " b"],
    lots: Int64[Tensor, " b"],
    *,
    pairs: int,
    anchor_pairs: int,
) -> Float[Tensor, "b s d"]:
    """The mixed points of every anchor; of its ``hard`` ones the first ``count`` are negatives."""
    count = count[:, None]
    luck = rng.uniform(lots, 3 * (pairs + anchor_pairs), "mixed").to(anchors.dtype)
    one, other, share = luck.chunk(3, dim=1)
    first = (one * count).long()
    step = 1 + (other * (count - 1)).long()  # to a different one, where there is one
    second = (first + step) % count.clamp(min=1)
    ends = candidates[hard.gather(1, first)], candidates[hard.gather(1, second[:, :pairs])]
    end = torch.cat([ends[1], anchors[:, None, :].expand(-1, anchor_pairs, -1)], dim=1)
    weight = torch.cat([share[:, :pairs], 0.5 * share[:, pairs:]], dim=1)[:, :, None]
    return unit(((1 - weight) * ends[0] + weight * end).flatten(0, 1)).view_as(end)
