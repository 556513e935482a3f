r"""CLIP: match pairs within a batch, in both directions.

    loss = L(a, p) + L(p, a),     L(a, p)_i = -log( e^{s(a_i, p_i)/t} / sum_j e^{s(a_i, p_j)/t} )

Radford et al. 2021, arXiv:2103.00020, figure 3, who halve the sum, with a learned temperature; here one encoder reads
both sides, which are of one kind of data.
Use when: pairs are given, and either side is a query for the other: titles and bodies, words and definitions.
Relations: ``simcse`` goes from anchors to partners only, and takes hard negatives.
"""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from counterpoint.comparison import Comparison, Similarity, cosine, same_item
from counterpoint.encoders.batched_views import together
from counterpoint.interfaces import ItemInfo, Method, Objective, Vectors, Views


class CLIP(Method):
    """An encoder and a head for both sides, and an objective in both directions."""

    usual: ClassVar = {"temperature": "learned", "head_layers": 0}

    def __init__(
        self, encoder: nn.Module, head: nn.Module, objective: Objective, *, similarity: Similarity = cosine
    ) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.objective, self.similarity = objective, similarity

    def project(self, views: Views) -> Vectors:
        return together(lambda view: self.head(self.encoder(view)), views)

    def compare(self, vectors: Vectors, items: ItemInfo) -> tuple[Comparison, Comparison]:
        first, second = vectors
        same_pair = same_item(items.index, items.index)
        return Comparison(first, second, same_pair, self.similarity), Comparison(
            second, first, same_pair, self.similarity
        )
