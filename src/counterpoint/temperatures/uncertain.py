r"""A temperature per item: the last entry of a vector expresses the certainty of the rest.

    s_ij = sigmoid(u_i) cos(v_i, v_j),   z_i = [v_i, u_i],   so that item i has the temperature t / sigmoid(u_i)

Zhang, Wu, Bayrooti & Goodman 2021, arXiv:2110.04403 (Temperature as Uncertainty).
Use when: some items are hard to tell from others (blurred, generic) and should not be forced, or when that matters.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from counterpoint.comparison import Inner, unit


def certain(vectors: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """The certainty of each vector, from 0 to 1.

    >>> certain(torch.tensor([[3.0, 4.0, 0.0]])).tolist()
    [0.5]
    """
    return torch.sigmoid(vectors[:, -1])


def _direction(vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]:
    return unit(vectors[:, :-1])


def _sure(vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]:
    return certain(vectors)[:, None] * _direction(vectors)


uncertain = Inner(_sure, _direction)
"""The cosine of all but the last entry, times the certainty of the anchor, in [-1, 1]."""
