r"""VICReg: views agree (invariance), each dimension varies over items, and dimensions are uncorrelated.

    loss = invariance * mean over items and dimensions of (z_1 - z_2)^2
         + variance   * mean over both views and dimensions of max(0, 1 - sqrt(var + 0.0001))
         + covariance * sum over both views of sum_{i != j} cov_ij^2 / d

Bardes et al. 2021, arXiv:2105.04906, eq. 1 to 6, with means where the authors' code has them.  Variances and
covariances are over the n items of the batch.  The loss is of the batch, so each item gets the same value.
Use when: the two views are of different kinds, or the lengths of vectors matter: nothing is normalised.
Relations: ``barlow_twins`` does the same with one matrix for both views.
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


def monotony(z: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
    """How far the standard deviation of each dimension over the batch falls short of 1, on average."""
    return functional.relu(1 - (z.var(dim=0) + 1e-4).sqrt()).mean()


def repetition(z: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
    """The squared covariances of different dimensions."""
    centred = z - z.mean(dim=0)
    covariance = centred.T @ centred / (len(z) - 1)
    return (covariance - torch.diag(covariance.diagonal())).square().sum() / z.shape[1]


class VICReg(Method):
    """An encoder, a head, and the weights of the three terms."""

    usual: ClassVar = {"head_layers": 3, "head_outputs": 512}

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        *,
        invariance: float = 25.0,
        variance: float = 25.0,
        covariance: float = 1.0,
    ) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.invariance, self.variance, self.covariance = invariance, variance, covariance

    def project(self, views: Views) -> Vectors:
        return together(nn.Sequential(self.encoder, self.head), views)

    def compare(self, vectors: Vectors, items: ItemInfo) -> Losses:
        z1, z2 = (wide(each) for each in vectors)
        loss = self.invariance * functional.mse_loss(z1, z2)
        loss = loss + self.variance * (monotony(z1) + monotony(z2)) / 2
        loss = loss + self.covariance * (repetition(z1) + repetition(z2))
        return loss.expand(len(z1))

    def watched(self, vectors: Vectors, items: ItemInfo) -> Comparison:
        return in_batch(vectors, items.index, cosine)
