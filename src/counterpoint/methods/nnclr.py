r"""NNCLR: the positive of an item is the nearest neighbour of its other view among earlier items.

    z = BN(g(f(view))),   p = q(z),   n = the embedding of another item in the support Q that is nearest to z
    loss = L(n_1, p_2) + L(n_2, p_1),     L(n, p)_i = -log( e^{n_i.p_i/t} / sum_k e^{n_i.p_k/t} )

Dwibedi et al. 2021, arXiv:2104.14548, section 3.2 and algorithm 1.  The support is a queue of earlier z_1.  It starts
empty, so only embeddings of items are neighbours, and without a neighbour z itself is used.  An item is never its own
neighbour, which the paper's much larger data makes unlikely anyway.
Use when: views cannot cover the variation within a class, and classes are large.
Relations: with each item as its own neighbour, it is ``simclr`` with a predictor, and negatives from one view only.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from counterpoint.comparison import Comparison, Similarity, cosine, same_item, wide
from counterpoint.encoders.batched_views import together
from counterpoint.errors import PlanError
from counterpoint.heads import mlp_head, outputs_of
from counterpoint.interfaces import ItemInfo, Method, Objective, Step, Vectors, Views
from counterpoint.negatives.key_queue import Queue


class NNCLR(Method):
    """An encoder and a head, a predictor of width ``hidden``, and a support of ``queue`` embeddings."""

    usual: ClassVar = {"head_layers": 3, "head_outputs": 256}

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        objective: Objective,
        *,
        similarity: Similarity = cosine,
        queue: int = 4096,
        hidden: int = 512,
    ) -> None:
        super().__init__()
        if queue < 1 or hidden < 1:
            raise PlanError(f"nnclr needs queue and hidden of at least 1. Got queue={queue}, hidden={hidden}.")
        width = outputs_of(head)
        self.encoder, self.head = encoder, head
        self.norm = nn.BatchNorm1d(width, affine=False)
        self.predictor = mlp_head(width, hidden=hidden, outputs=width)
        self.support = Queue(queue, width)
        self.objective, self.similarity = objective, similarity

    def fits(self, batch_size: int, micro_batch: int) -> None:
        if batch_size > len(self.support.vectors):
            raise PlanError(
                f"A support of {len(self.support.vectors)} embeddings cannot hold a batch of {batch_size}. Use a "
                f"longer one, nnclr(queue={8 * batch_size}), or a smaller --batch-size."
            )

    def project(self, views: Views) -> Vectors:
        z1, z2 = together(nn.Sequential(self.encoder, self.head, self.norm), views)
        p1, p2 = together(self.predictor, (z1, z2))
        return z1, z2, p1, p2

    def compare(self, vectors: Vectors, items: ItemInfo) -> tuple[Comparison, Comparison]:
        z1, z2, p1, p2 = vectors
        n1, n2 = self.nearest(z1, items), self.nearest(z2, items)
        relation = same_item(items.index, items.index)
        return Comparison(n1, p2, relation, self.similarity), Comparison(n2, p1, relation, self.similarity)

    @torch.no_grad()
    def nearest(self, z: Float[Tensor, "b d"], items: ItemInfo) -> Float[Tensor, "b d"]:
        """The most similar embedding of another item, or z itself while there is none."""
        others = (self.support.items >= 0) & (self.support.items != items.index[:, None])
        alike = self.similarity(wide(z), self.support.vectors).masked_fill(~others, -torch.inf)
        return torch.where(others.any(dim=1, keepdim=True), self.support.vectors[alike.argmax(dim=1)], wide(z))

    def after_step(self, step: Step) -> None:
        self.support.push(step.vectors[0], step.items.index)
