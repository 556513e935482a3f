r"""Negatives from a queue: the keys of the last batches, first in, first out.

    candidates = [k; queue]      anchor i positive to its own key k_i, negative to every column of the queue

He et al. 2020, arXiv:1911.05722, algorithm 1.  The queue starts with random directions and is read in a method's
He et al. 2020, arXiv:1911.05722, algorithm 1.  The queue starts with random directions, is read in a method's
``compare`` and updated in its ``after_step``.  Unlike in the paper, an earlier key of the anchor's own item is not a
negative: with fewer items than the queue is long, every item would be its own negative.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.comparison import Comparison, Relation, SameItem, Similarity, SparsePairs


@dataclass(frozen=True)
class QueueRelation(Relation):
    """Anchor i has key ``positive[i]`` as its positive; its negatives are the queued keys of other items."""

    positive: Int64[Tensor, " n"]
    item: Int64[Tensor, " n"]
    keys: Int64[Tensor, " k"]
    queued: Int64[Tensor, " q"]

    @property
    def count(self) -> int:
        """The column where the queue begins."""
        return len(self.keys)

    def masks(self, rows: slice) -> tuple[Bool[Tensor, "b m"], Bool[Tensor, "b m"]]:
        column = torch.arange(self.count + len(self.queued), device=self.positive.device)
        negative = torch.zeros(len(self.positive[rows]), len(column), dtype=torch.bool, device=column.device)
        negative[:, self.count :] = self.item[rows, None] != self.queued[None, :]
        return self.positive[rows, None] == column[None, :], negative

    def part(self, rows: slice) -> QueueRelation:
        return replace(self, positive=self.positive[rows], item=self.item[rows])

    def items(self) -> tuple[Int64[Tensor, " n"], Int64[Tensor, " m"]]:
        return self.item, torch.cat([self.keys, self.queued])

    def sparse(self) -> SparsePairs | None:
        again = SameItem(self.item, self.queued).sparse()
        if again is None:
            return None
        anchor, place = again.positive
        columns = slice(self.count, self.count + len(self.queued))
        everyone = torch.arange(len(self.positive), device=self.positive.device)
        return SparsePairs((everyone, self.positive), (anchor, place + self.count), columns)


class Queue(nn.Module):
    """The last ``length`` keys (length, d), and how many were pushed: the next goes to that index modulo length."""

    vectors: Tensor
    items: Tensor
    place: Tensor

    def __init__(self, length: int, width: int) -> None:
        super().__init__()
        self.register_buffer("vectors", functional.normalize(torch.randn(length, width), dim=1))
        self.register_buffer("items", torch.full((length,), -1, dtype=torch.int64))
        self.register_buffer("place", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def push(self, keys: Float[Tensor, "b d"], items: Int64[Tensor, " b"]) -> None:
        """Replace the oldest keys by these; of more keys than the queue holds, the last ones are kept."""
        length = len(self.vectors)
        keys = keys.detach()[-length:].to(self.vectors.dtype)
        where = (self.place + torch.arange(len(keys), device=self.place.device)) % length
        self.vectors[where] = keys
        self.items[where] = items[-length:]
        self.place += len(keys)

    def held(self) -> tuple[Float[Tensor, "q d"], Int64[Tensor, " q"]]:
        """The keys pushed so far and their items, without the initial random directions."""
        count = min(int(self.place), len(self.vectors))
        return self.vectors[:count].clone(), self.items[:count].clone()

    def against(
        self,
        queries: Float[Tensor, "b d"],
        keys: Float[Tensor, "b d"],
        items: Int64[Tensor, " b"],
        similarity: Similarity,
    ) -> Comparison:
        """Each query with its own key as positive, and the keys of other items in the queue as negatives."""
        positive = torch.arange(len(queries), device=queries.device)
        relation = QueueRelation(positive, items, items, self.items.clone())
        return Comparison(queries, torch.cat([keys, self.vectors.clone()]), relation, similarity)
