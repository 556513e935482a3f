r"""Negatives from the batch: every view of every other item.

    anchors = candidates = [z^1; z^2; ...]      row i positive to the other views of its item, negative to the rest

Chen et al. 2020, arXiv:2002.05709, algorithm 1.  A batch of n items with two views has 2n - 2 negatives per anchor.
Use when: the batch is large, or nothing else should be kept in memory.
"""

from __future__ import annotations

import torch
from jaxtyping import Int64
from torch import Tensor

from counterpoint.comparison import Comparison, Similarity, same_item
from counterpoint.interfaces import Vectors


def in_batch(views: Vectors, items: Int64[Tensor, " b"], similarity: Similarity) -> Comparison:
    """All views of all items compared with each other."""
    vectors = torch.cat(views)
    return Comparison(vectors, vectors, same_item(items.repeat(len(views))), similarity)
