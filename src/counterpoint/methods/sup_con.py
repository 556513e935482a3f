r"""SupCon: views of all items of a class are positives of each other.

    h = f(view),  z = g(h)
    P(i) = the other view of item i, and all views of the items of its class in the batch

Khosla et al. 2020, arXiv:2004.11362, section 3.2.  Items without a label have only their own views as positives, so a
few labels among many items are enough to start with.
Use when: items have classes, and the vectors shall also serve classes that were never labelled.
Relations: without labels it is SimCLR; with the objective ``triplet`` it is metric learning with two views.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from counterpoint.comparison import Comparison, Similarity, cosine, same_item
from counterpoint.encoders.batched_views import together
from counterpoint.interfaces import ItemInfo, Method, Objective, Vectors, Views


class SupCon(Method):
    """An encoder, a head, and an objective among the views of one batch, whose positives share a class."""

    needs_labels = True
    local_views = True
    sampling = "groups"
    usual: ClassVar = {"objective": "sup_con"}

    def __init__(
        self, encoder: nn.Module, head: nn.Module, objective: Objective, *, similarity: Similarity = cosine
    ) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.objective, self.similarity = objective, similarity

    def project(self, views: Views) -> Vectors:
        return together(lambda view: self.head(self.encoder(view)), views)

    def compare(self, vectors: Vectors, items: ItemInfo) -> Comparison:
        everything = torch.cat(vectors)
        return Comparison(everything, everything, same_item(items.classes().repeat(len(vectors))), self.similarity)
