r"""Sigmoid: say of every pair by itself whether it matches.

    loss_i = sum_{k in P(i) + N(i)} -log sigmoid( y_ik (s_ik/t + bias) ),      y_ik = 1 if k in P(i) else -1

Zhai et al. 2023 (SigLIP), arXiv:2303.15343, algorithm 1.
Use when: two towers learn from pairs, such as pictures and captions, in batches of any size.   Relations: InfoNCE makes
the candidates of an anchor compete; here none knows of another, so negatives count without positives too.  The sum is
over pairs, not their mean, so the loss grows with the batch; the bias of -10 begins with nearly all pairs taken for
negatives, which they are.  Temperature and bias may be tensors that are learned, as in the paper.

Two pairs of which nothing is known, log 2 each:

>>> from counterpoint.comparison import Tile
>>> tile = Tile(torch.tensor([[0.0, 0.0]]), torch.tensor([[True, False]]), torch.tensor([[False, True]]))
>>> round(float(sigmoid(tile, bias=0.0)), 4)
1.3863
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from counterpoint.comparison import Tile


def sigmoid(
    tile: Tile, *, temperature: float | Float[Tensor, ""] = 0.1, bias: float | Float[Tensor, ""] = -10.0
) -> Float[Tensor, " b"]:
    """One loss per anchor, in nats. An anchor that is compared with nothing has loss 0."""
    compared = tile.positive | tile.negative
    matching = tile.similarity / temperature + bias
    log_likelihood = functional.logsigmoid(torch.where(tile.positive, matching, -matching))
    return -log_likelihood.masked_fill(~compared, 0.0).sum(dim=1)
