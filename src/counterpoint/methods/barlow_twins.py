r"""Barlow Twins: make the cross-correlation matrix of two views' dimensions the identity.

    a, b = the vectors of both views, each dimension standardised over the n items of the batch
    c = a' b / n
    loss = sum_i (1 - c_ii)^2 + weight * sum_{i != j} c_ij^2

Zbontar et al. 2021, arXiv:2103.03230, eq. 1 and 2.  The loss is of the batch and not of its items, so each item gets
the same value.  ``weight`` is the paper's, unscaled: 512 dimensions have a 16th of its pairs, but with batches of 256
items instead of 2,048, each entry is 8 times as noisy.
Use when: batches are small but vectors may be long: the more dimensions, the better.
Relations: ``vicreg`` uses the covariance of each view alone; contrast compares rows, this compares columns.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.comparison import Comparison, cosine, wide
from counterpoint.encoders.batched_views import together
from counterpoint.interfaces import ItemInfo, Losses, Method, Vectors, Views
from counterpoint.negatives.in_batch import in_batch


def standard(vectors: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    """The vectors with each dimension at mean 0 and variance 1 over the batch."""
    return functional.batch_norm(wide(vectors), None, None, training=True)


class BarlowTwins(Method):
    """An encoder and a head; ``weight`` is the weight of the off-diagonal terms."""

    usual: ClassVar = {"head_layers": 3, "head_outputs": 512}

    def __init__(self, encoder: nn.Module, head: nn.Module, *, weight: float = 0.005) -> None:
        super().__init__()
        self.encoder, self.head, self.weight = encoder, head, weight

    def project(self, views: Views) -> Vectors:
        return together(nn.Sequential(self.encoder, self.head), views)

    def compare(self, vectors: Vectors, items: ItemInfo) -> Losses:
        a, b = (standard(each) for each in vectors)
        c = a.T @ b / len(a)
        same = c.diagonal()
        others = c - torch.diag(same)
        loss = (1 - same).square().sum() + self.weight * others.square().sum()
        return loss.expand(len(a))

    def watched(self, vectors: Vectors, items: ItemInfo) -> Comparison:
        return in_batch(vectors, items.index, cosine)
