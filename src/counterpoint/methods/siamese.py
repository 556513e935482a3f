r"""Siamese networks: positive pairs are pulled together, negative pairs pushed apart up to a margin.

    D = |g(f(a)) - g(f(b))|
    loss = (1 - y) D^2 + y max(m - D, 0)^2          y = 0 for a pair that belongs together, else 1

Hadsell, Chopra & LeCun 2006, "Dimensionality reduction by learning an invariant mapping", eq. 4, in the order of its
code; Bromley et al. 1993 for the architecture; compared with its successors in Khosla et al. 2020, arXiv:2004.11362.
The pairs are given, or drawn from labels: half of them of one class, and no item with itself.  The default margin is 5:
at 1, about the distance in new networks, nearly all pairs are beyond the margin before anything is learned.
Use when: labels are pairs, same or different, or two items are to be verified: ``counterpoint verify``.
Relations: with all pairs of a batch instead of one per item it is ``triplet`` with the objective ``margin``.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from counterpoint.comparison import Comparison, Similarity, euclidean
from counterpoint.encoders.batched_views import together
from counterpoint.errors import InputError
from counterpoint.interfaces import ItemInfo, Method, Objective, Vectors, Views
from counterpoint.negatives.paired_rows import Facing


class Siamese(Method):
    """An encoder and a head for both items of a pair, and an objective of their distance."""

    needs_labels = True
    sampling = "pairs"
    objectives = ("margin", "sigmoid")
    usual: ClassVar = {"objective": "margin(margin=5.0)", "head_layers": 1}

    def __init__(
        self, encoder: nn.Module, head: nn.Module, objective: Objective, *, similarity: Similarity = euclidean
    ) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.objective, self.similarity = objective, similarity

    def project(self, views: Views) -> Vectors:
        return together(lambda view: self.head(self.encoder(view)), views)

    def compare(self, vectors: Vectors, items: ItemInfo) -> Comparison:
        if items.same is None:
            raise InputError("siamese compares the two items of pairs. Give pairs, or labels to draw them from.")
        first, second = vectors
        facing = Facing(items.same, torch.arange(len(first), device=first.device))
        return Comparison(first, second, facing, self.similarity)
