r"""SimCLR: two views of an item are more similar than views of different items.

    h = f(view),  z = g(h)
    loss = mean over both views of all items of -log( e^{s(z_i, z_j)/t} / sum_{k != i} e^{s(z_i, z_k)/t} )

Chen et al. 2020, arXiv:2002.05709, algorithm 1; with a head of three layers and a larger encoder, SimCLRv2,
arXiv:2006.10029.  More than two views are possible; then every other view of the item is a positive.
Use when: in doubt. It has the fewest moving parts; batches of 256 to 1,024 do well.
"""

from __future__ import annotations

from torch import nn

from counterpoint.comparison import Comparison, Similarity, cosine
from counterpoint.encoders.batched_views import together
from counterpoint.interfaces import ItemInfo, Method, Objective, Vectors, Views
from counterpoint.negatives.in_batch import in_batch


class SimCLR(Method):
    """An encoder, a head, and an objective among the views of one batch."""

    local_views = True

    def __init__(
        self, encoder: nn.Module, head: nn.Module, objective: Objective, *, similarity: Similarity = cosine
    ) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.objective, self.similarity = objective, similarity

    def project(self, views: Views) -> Vectors:
        return together(lambda view: self.head(self.encoder(view)), views)

    def compare(self, vectors: Vectors, items: ItemInfo) -> Comparison:
        return in_batch(vectors, items.index, self.similarity)
