r"""MoCo: match a query with its key among the keys of many earlier batches.

    q = g(f(view 1)),   k = g'(f'(view 2)) without gradient
    loss = -log( e^{q.k/t} / (e^{q.k/t} + sum_{queue} e^{q.k_j/t}) ),    f' <- m f' + (1 - m) f

He et al. 2020, arXiv:1911.05722, algorithm 1; with the nonlinear head and the stronger views of v2, Chen et al. 2020,
arXiv:2003.04297.  Batch statistics would reveal to a query which key is from its batch, so queries and keys are encoded
in groups of different composition (section 3.3, shuffling BN): each group of keys has an equal part of every group of
queries.
Use when: memory allows only small batches, or negatives should outnumber the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from counterpoint.batch import Batch, device_of, length, take
from counterpoint.comparison import Comparison, Similarity, cosine
from counterpoint.encoders.ema import ema_copy, follow
from counterpoint.errors import PlanError
from counterpoint.heads import outputs_of
from counterpoint.interfaces import ItemInfo, Method, Objective, Step, Vectors, Views
from counterpoint.negatives.key_queue import Queue


def in_groups(network: nn.Module, view: Batch, groups: Sequence[Tensor]) -> Tensor:
    """The network's outputs for rows that are encoded group by group, in the original order."""
    encoded = torch.cat([network(take(view, rows)) for rows in groups])
    return encoded[torch.argsort(torch.cat(list(groups)))]


class MoCo(Method):
    """An encoder and a head, EMA copies of both, and a queue of keys."""

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        objective: Objective,
        *,
        similarity: Similarity = cosine,
        queue: int = 4096,
        momentum: float = 0.99,
        groups: int = 4,
    ) -> None:
        super().__init__()
        if queue < 1 or groups < 1 or not 0 <= momentum <= 1:
            raise PlanError(
                "moco needs queue and groups of at least 1 and a momentum in [0, 1]. "
                f"Got queue={queue}, groups={groups}, momentum={momentum}."
            )
        self.encoder, self.head = encoder, head
        self.slow = ema_copy(encoder, head)
        self.queue = Queue(queue, outputs_of(head))
        self.objective, self.similarity = objective, similarity
        self.momentum, self.groups = momentum, groups

    def fits(self, batch_size: int, micro_batch: int) -> None:
        if micro_batch < 2 * self.groups:
            raise PlanError(
                f"moco(groups={self.groups}) encodes at least {2 * self.groups} items at once. Got {micro_batch}. "
                "Use a larger batch, or moco(groups=1)."
            )
        if batch_size > len(self.queue.vectors):
            raise PlanError(
                f"A queue of {len(self.queue.vectors)} keys cannot hold a batch of {batch_size}. Use a longer one, "
                f"moco(queue={8 * batch_size}), or a smaller --batch-size."
            )

    def project(self, views: Views) -> Vectors:
        place = torch.arange(length(views[0]), device=device_of(views[0]))
        fast = nn.Sequential(self.encoder, self.head)
        queries = in_groups(fast, views[0], place.tensor_split(self.groups))
        with torch.no_grad():
            parts = place.tensor_split(self.groups**2)
            shuffled = [torch.cat(parts[start :: self.groups]) for start in range(self.groups)]
            keys = in_groups(self.slow, views[1], shuffled)
        return queries, keys

    def compare(self, vectors: Vectors, items: ItemInfo) -> Comparison:
        queries, keys = vectors
        return self.queue.against(queries, keys, items.index, self.similarity)

    def after_step(self, step: Step) -> None:
        follow(self.slow, self.encoder, self.head, momentum=self.momentum)
        self.queue.push(step.vectors[1], step.items.index)
