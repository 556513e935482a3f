r"""Triplet, semi-hard: each positive is more similar than the next negative below it, by a margin.

    loss_i = mean_{p in P(i)} max(0, s_in(p) - s_ip + margin)
    n(p) = argmax_{n in N(i): s_in < s_ip} s_in, or argmin_{n in N(i)} s_in where no negative is less alike than p

Schroff et al. 2015 (FaceNet), arXiv:1503.03832, eq. 4. The paper leaves open what happens without a semi-hard negative;
taking the least similar one follows TensorFlow.
Use when: triplet_hard collapses, or a few wrong labels would dominate it.   Relations: one negative per positive, where
``triplet`` uses all of them.

Below the positive at 0.5 comes the negative at 0.4, 0.1 too near; the negative at 0.7 is ignored:

>>> from counterpoint.comparison import Tile
>>> one, rest = torch.tensor([[True, False, False, False]]), torch.tensor([[False, True, True, True]])
>>> round(float(triplet_semi_hard(Tile(torch.tensor([[0.5, 0.7, 0.4, 0.1]]), one, rest))), 4)
0.1
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from counterpoint.comparison import Tile
from counterpoint.plans import within


def triplet_semi_hard(tile: Tile, *, margin: float = 0.2) -> Float[Tensor, " b"]:
    """One loss per anchor, in similarity. An anchor without positives or without negatives has loss 0."""
    within("margin", margin, 0)
    count, negatives = tile.positive.sum(dim=1), tile.negative.sum(dim=1, keepdim=True)
    most = max(count.tolist(), default=0)
    positives = tile.similarity.masked_fill(~tile.positive, -torch.inf).topk(most, dim=1).values
    real = (torch.arange(most, device=positives.device) < count[:, None]) & (negatives > 0)
    limit = (-positives).masked_fill(~real, 0.0).contiguous()
    unlike = (-tile.similarity).masked_fill(~tile.negative, torch.inf).sort(dim=1).values.contiguous()
    beyond = torch.searchsorted(unlike.detach(), limit.detach(), right=True)
    chosen = unlike.gather(1, torch.minimum(beyond, negatives - 1).clamp(min=0))
    lost = (limit - chosen + margin).relu().masked_fill(~real, 0.0)
    return lost.sum(dim=1) / count.clamp(min=1)
