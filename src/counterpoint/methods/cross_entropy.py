r"""Cross-entropy: a supervised classifier, the baseline for contrast with labels.

    loss = n / n_L sum_{i in L} ( -log softmax(W f(view_i))_{y_i} ) / n                L: labelled items

The baseline of Khosla et al. 2020, arXiv:2004.11362, section 4.
Use when: only a classifier is needed and there are many labels; or as a baseline.
Relations: ``counterpoint finetune`` does the same from a pretrained model, and calibrates it; ``joint`` adds contrast.
"""

from __future__ import annotations

from torch import nn
from torch.nn import functional

from counterpoint.comparison import wide
from counterpoint.interfaces import ItemInfo, Losses, Method, Vectors, Views


class CrossEntropy(Method):
    """An encoder and a linear classifier; the projection head is not used."""

    views = 1
    needs_labels = True

    def __init__(self, encoder: nn.Module, head: nn.Module, *, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.top = nn.Linear(next(weight for weight in head.parameters() if weight.ndim == 2).shape[1], classes)

    def project(self, views: Views) -> Vectors:
        return (self.top(self.encoder(views[0])),)

    def compare(self, vectors: Vectors, items: ItemInfo) -> Losses:
        labels = items.index.new_full(items.index.shape, -1) if items.labels is None else items.labels
        lost = functional.cross_entropy(wide(vectors[0]), labels, ignore_index=-1, reduction="none")
        return lost * len(labels) / max(1, int((labels >= 0).sum()))
