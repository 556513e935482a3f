r"""MoCo v3: match a query with the EMA encoder's key of the other view, among the keys of the batch.

    q = BN(q'(BN(g(f(view))))),   k = BN(g'(f'(view))) without gradient,   f', g' <- m f', g' + (1 - m) f, g
    loss = ctr(q_1, k_2) + ctr(q_2, k_1),     ctr(q, k) = -log( e^{q.k_i/t} / sum_j e^{q.k_j/t} )
    with local views the sum over all q except q_i per k_i
    m = 1 - (1 - m_0) (1 + cos(pi step / steps)) / 2

Chen et al. 2021, arXiv:2104.02057, algorithm 1, without its factor 2 t, which only scales the loss.
Use when: ``simclr`` would do, and there is time for a second network that stabilises training.
Relations: ``moco`` whose queue is the batch, with a predictor q'; ``byol`` with negatives.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from counterpoint.comparison import Comparison, Similarity, cosine, same_item
from counterpoint.encoders.batched_views import together
from counterpoint.encoders.ema import ema_copy, follow, rising
from counterpoint.errors import PlanError
from counterpoint.heads import mlp_head, outputs_of
from counterpoint.interfaces import ItemInfo, Method, Objective, Step, Vectors, Views


class MoCoV3(Method):
    """An encoder and a head, EMA copies of both, and a predictor of width ``hidden``."""

    local_views = True
    usual: ClassVar = {"head_outputs": 256, "temperature": 0.2}

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        objective: Objective,
        *,
        similarity: Similarity = cosine,
        momentum: float = 0.99,
        hidden: int = 512,
    ) -> None:
        super().__init__()
        if not 0 <= momentum <= 1 or hidden < 1:
            raise PlanError(
                "moco_v3 needs a momentum in [0, 1] and hidden of at least 1. "
                f"Got momentum={momentum}, hidden={hidden}."
            )
        width = outputs_of(head)
        self.encoder, self.head = encoder, head
        self.norm = nn.BatchNorm1d(width, affine=False)
        self.predictor = nn.Sequential(
            mlp_head(width, hidden=hidden, outputs=width), nn.BatchNorm1d(width, affine=False)
        )
        self.slow = ema_copy(encoder, head, self.norm)
        self.objective, self.similarity, self.momentum = objective, similarity, momentum

    def project(self, views: Views) -> Vectors:
        queries = together(nn.Sequential(self.encoder, self.head, self.norm, self.predictor), views)
        with torch.no_grad():
            return *queries, *together(self.slow, views[:2])

    def compare(self, vectors: Vectors, items: ItemInfo) -> tuple[Comparison, ...]:
        *q, k1, k2 = vectors
        relation = same_item(items.index, items.index)
        return tuple(
            Comparison(query, keys, relation, self.similarity)
            for usual, keys in ((1, k2), (0, k1))
            for query in q[:usual] + q[usual + 1 :]
        )

    def after_step(self, step: Step) -> None:
        momentum = rising(self.momentum, step=step.number, total=step.total)
        follow(self.slow, self.encoder, self.head, self.norm, momentum=momentum)
