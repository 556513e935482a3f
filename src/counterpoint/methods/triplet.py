r"""Triplet: an item is nearer to items of its class than to all others, by a margin.

    h = f(view),  z = g(h)
    P(i) = the items of class y_i in the batch except i;   N(i) = the items of all other classes

Schroff et al. 2015, arXiv:1503.03832; Hermans et al. 2017, arXiv:1703.07737, with batches of P classes times K items.
One view of every item, since classes define the positives; an item without a label is a negative of all others.
Use when: classes are many and small, such as persons, products or characters, and new ones will come later.
Relations: ``sup_con`` uses two views of every item, so that items alone in their class are trained too.
"""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from counterpoint.comparison import Comparison, Similarity, cosine, same_item
from counterpoint.interfaces import ItemInfo, Method, Objective, Vectors, Views


class Triplet(Method):
    """An encoder, a head, and an objective among one view of each item, whose positives share its class."""

    views = 1
    needs_labels = True
    sampling = "groups"
    usual: ClassVar = {"objective": "triplet"}

    def __init__(
        self, encoder: nn.Module, head: nn.Module, objective: Objective, *, similarity: Similarity = cosine
    ) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.objective, self.similarity = objective, similarity

    def project(self, views: Views) -> Vectors:
        return (self.head(self.encoder(views[0])),)

    def compare(self, vectors: Vectors, items: ItemInfo) -> Comparison:
        return Comparison(vectors[0], vectors[0], same_item(items.classes()), self.similarity)
