r"""Joint: contrast on all items and supervision on the labelled ones, in one loss.

    loss = contrast(z^1, z^2) + a n / n_L sum_{i in L} ( -log softmax(W h_i)_{y_i} ) / n        L: labelled items

The supervised term of Zhai et al. 2019, arXiv:1905.03670, eq. 1 (S4L), with contrast instead of their pretext task; the
mean over labelled items has the weight ``a`` however few they are.
Use when: some items have labels, and one training shall replace pretraining and fine-tuning.
Relations: with a = 0 it is SimCLR; ``counterpoint semi`` does both one after the other.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.comparison import Comparison, Similarity, cosine, wide
from counterpoint.encoders.batched_views import together
from counterpoint.errors import PlanError
from counterpoint.heads import inputs_of
from counterpoint.interfaces import ItemInfo, Losses, Method, Objective, Vectors, Views
from counterpoint.negatives.in_batch import in_batch


class Joint(Method):
    """An encoder with two heads: one for contrast, one for classification."""

    needs_labels = True

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        objective: Objective,
        *,
        classes: int,
        similarity: Similarity = cosine,
        weight: float = 1.0,
    ) -> None:
        super().__init__()
        if weight < 0:
            raise PlanError(f"joint needs a weight of at least 0. Got {weight}.")
        self.encoder, self.head = encoder, head
        self.top = nn.Linear(inputs_of(head), classes)
        self.objective, self.similarity, self.weight = objective, similarity, weight

    def project(self, views: Views) -> Vectors:
        h = together(self.encoder, views)
        return (*together(self.head, h), *together(self.top, h))

    def compare(self, vectors: Vectors, items: ItemInfo) -> tuple[Comparison, Losses]:
        z, scores = vectors[:2], vectors[2:]
        return in_batch(z, items.index, self.similarity), self.weight * self._named(scores, items)

    def _named(self, scores: Vectors, items: ItemInfo) -> Float[Tensor, " b"]:
        """Cross-entropy of the labelled items, as a mean over all; 0 where the batch has none."""
        labels = items.index.new_full(items.index.shape, -1) if items.labels is None else items.labels
        labelled = int((labels >= 0).sum())
        each = [functional.cross_entropy(wide(view), labels, ignore_index=-1, reduction="none") for view in scores]
        return torch.stack(each).mean(dim=0) * len(labels) / max(1, labelled)
