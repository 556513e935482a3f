r"""Negatives from a queue: the keys of the last batches, first in, first out.

    candidates = [k; queue]      anchor i positive to its own key k_i, negative to every column of the queue

He et al. 2020, arXiv:1911.05722, algorithm 1.  The queue starts with random directions and is read in a method's
``compare`` and changed in its ``after_step``.  Unlike there, an earlier key of the anchor's own item is no negative:
with fewer items than the queue is long, every item would be told apart from itself.
Use when: batches must be small but negatives many.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.comparison import Comparison, Similarity


class Queue(nn.Module):
    """The last ``length`` keys (length, d), and where the next one goes."""

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
        """Replace the oldest keys by these; of more keys than the queue holds, the last ones stay."""
        length = len(self.vectors)
        keys = keys.detach()[-length:].to(self.vectors.dtype)
        where = (self.place + torch.arange(len(keys), device=self.place.device)) % length
        self.vectors[where] = keys
        self.items[where] = items[-length:]
        self.place.copy_((self.place + len(keys)) % length)

    def against(
        self,
        queries: Float[Tensor, "b d"],
        keys: Float[Tensor, "b d"],
        items: Int64[Tensor, " b"],
        similarity: Similarity,
    ) -> Comparison:
        """Each query with its own key as positive, and the keys of other items in the queue as negatives."""
        count, device = len(queries), queries.device
        column = torch.arange(count + len(self.vectors), device=device)
        queued = column >= count
        item = torch.cat([items, self.items])

        def relate(rows: slice) -> tuple[Tensor, Tensor]:
            positive = column[:count][rows, None] == column[None, :]
            return positive, queued & (items[rows, None] != item[None, :])

        return Comparison(queries, torch.cat([keys, self.vectors.clone()]), relate, similarity)
