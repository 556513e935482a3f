"""How similar two vectors are: cosine, inner product, negative squared Euclidean distance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Similarity = Callable[[Float[Tensor, "b d"], Float[Tensor, "m d"]], Float[Tensor, "b m"]]
Lift = Callable[[Float[Tensor, "n d"]], Float[Tensor, "n e"]]


@dataclass(frozen=True)
class Inner:
    """A similarity that is an inner product of lifted vectors, s(a, c) = <f(a), g(c)>: tiles are matrix products."""

    anchors: Lift
    candidates: Lift

    def __call__(self, anchors: Float[Tensor, "b d"], candidates: Float[Tensor, "m d"]) -> Float[Tensor, "b m"]:
        return self.anchors(anchors) @ self.candidates(candidates).T


def unit(vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """The vectors scaled to length 1."""
    return functional.normalize(vectors, dim=1)


def wide(vectors: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The vectors in at least 32 bits, which is the precision of comparisons."""
    return vectors.to(torch.promote_types(vectors.dtype, torch.float32))


def _same(vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    return vectors


def _with_length(vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]:
    """[2a, -|a|^2, -1]: an anchor, lifted for ``_with_square``."""
    return torch.cat([2 * vectors, -vectors.square().sum(1, True), -torch.ones_like(vectors[:, :1])], dim=1)


def _with_square(vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]:
    """[c, 1, |c|^2], so that the inner product with [2a, -|a|^2, -1] is -|a - c|^2."""
    return torch.cat([vectors, torch.ones_like(vectors[:, :1]), vectors.square().sum(1, True)], dim=1)


cosine = Inner(unit, unit)
"""The cosine of the angle between vectors, in [-1, 1]."""

dot = Inner(_same, _same)
"""The inner product: the lengths of vectors count."""

euclidean = Inner(_with_length, _with_square)
"""Minus the squared Euclidean distance: 0 for equal vectors, else negative.

It is a difference of terms as large as |a|^2, and so exact to about 1e-7 |a|^2 in 32 bits: where vectors lie far from
the origin, subtract their mean first.
"""
