r"""Negatives from the batch and, in addition, from a queue: extra columns that are negatives of every anchor.

    anchors = [z^1; z^2; ...],      candidates = [z^1; z^2; ...; queue]

The batch as in Chen et al. 2020, arXiv:2002.05709, algorithm 1; the columns as in He et al. 2020, arXiv:1911.05722.
Use when: the batch is small and keys of earlier batches are at hand, and their items are not in the batch.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from counterpoint.comparison import Comparison, SameItem, Similarity, same_item


def beside(
    vectors: Float[Tensor, "n d"],
    items: Int64[Tensor, " n"],
    queue: Float[Tensor, "q d"] | None,
    similarity: Similarity,
) -> Comparison:
    """All rows against each other, and against the queue if there is one."""
    if queue is None:
        return Comparison(vectors, vectors, same_item(items), similarity)
    stranger = items.new_full((len(queue),), int(items.max()) + 1)
    candidates = torch.cat([vectors, queue.detach().to(vectors.device)])
    return Comparison(vectors, candidates, SameItem(items, torch.cat([items, stranger]), 0), similarity)
