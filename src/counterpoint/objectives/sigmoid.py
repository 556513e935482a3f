r"""Sigmoid: classify every pair independently as matching or not.

    loss_i = sum_{k in P(i) + N(i)} -log sigmoid( y_ik (s_ik/t + bias) ),      y_ik = 1 if k in P(i) else -1

Zhai et al. 2023 (SigLIP), arXiv:2303.15343, algorithm 1.
Use when: two encoders learn from pairs, such as pictures and captions, in batches of any size.   Relations: in InfoNCE
the candidates of an anchor compete; here pairs are independent, so negatives count without positives too.  The loss is
a sum over pairs, not a mean, so it grows with the batch; with the bias of -10 nearly all pairs are classified as
negatives at first, which they are.  Temperature and bias may be learned tensors, as in the paper.

Two pairs at probability 1/2, log 2 each:

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
    """One loss per anchor, in nats. An anchor without positives and negatives has loss 0."""
    compared = tile.positive | tile.negative
    matching = tile.similarity / temperature + bias
    log_likelihood = functional.logsigmoid(torch.where(tile.positive, matching, -matching))
    return -log_likelihood.masked_fill(~compared, 0.0).sum(dim=1)
