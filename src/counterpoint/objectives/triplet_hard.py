r"""Triplet, batch hard: the least similar positive is more similar than the most similar negative, by a margin.

    loss_i = max(0, max_{n in N(i)} s_in - min_{p in P(i)} s_ip + margin)

Hermans et al. 2017, arXiv:1703.07737, sec. 2, L_BH.
Use when: labels are clean, most triplets are satisfied already, and an anchor has several positives.   Relations: the
largest of the terms that ``triplet`` averages.  One wrong label decides the loss of an anchor; early in training all
vectors may collapse into one, and triplet_semi_hard then does better.

The worst triplet is the positive at 0.5 with the negative at 0.4:

>>> from counterpoint.comparison import Tile
>>> two, rest = torch.tensor([[True, True, False, False]]), torch.tensor([[False, False, True, True]])
>>> round(float(triplet_hard(Tile(torch.tensor([[0.9, 0.5, 0.4, 0.1]]), two, rest))), 4)
0.1
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from counterpoint.comparison import Tile
from counterpoint.plans import within


def triplet_hard(tile: Tile, *, margin: float = 0.2) -> Float[Tensor, " b"]:
    """One loss per anchor, in similarity. An anchor without positives or without negatives has loss 0."""
    within("margin", margin, 0)
    furthest = tile.similarity.masked_fill(~tile.positive, torch.inf).amin(dim=1)
    nearest = tile.similarity.masked_fill(~tile.negative, -torch.inf).amax(dim=1)
    return (nearest - furthest + margin).relu()
