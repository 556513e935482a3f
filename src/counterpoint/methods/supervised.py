r"""Supervised: learn a classifier from labels, few or many.

    p = softmax(W top(f(view)))
    loss_i = -w_{y_i} log p_{y_i},   w_y = n / (k n_y)        single-label; for multi-label see ``label_types``

What SimCLRv2 does after contrast: fine-tuning from a layer of the projection head, Chen et al. 2020, arXiv:2006.10029,
section 2.  With an untrained encoder it is the baseline that contrast has to beat.  Every class has the same weight,
however many items it has.  If ``settled``, batch normalisation keeps its statistics: those of a few dozen labelled
views differ much from those of test items.
Use when: there are labels.   Relations: with the encoder frozen it is a linear probe that sees random views.
"""

from __future__ import annotations

from jaxtyping import Int64
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from counterpoint.interfaces import ItemInfo, Losses, Method, Vectors, Views
from counterpoint.label_types import LabelType


class Supervised(Method):
    """An encoder, a classification head, and the class of every item."""

    class_ids: Tensor
    weight: Tensor
    views = 1

    def __init__(
        self,
        encoder: nn.Module,
        top: nn.Module,
        class_ids: Int64[Tensor, "n ..."],
        label_type: LabelType,
        *,
        frozen: bool = False,
        settled: bool = False,
    ) -> None:
        super().__init__()
        self.encoder, self.top, self.frozen = encoder.requires_grad_(not frozen), top, frozen
        self.settled = settled
        self.label_type = label_type
        self.register_buffer("class_ids", class_ids)
        self.register_buffer("weight", label_type.weights(class_ids))

    def train(self, mode: bool = True) -> Supervised:
        """As for every module, but a frozen encoder stays in evaluation mode, and so do settled normalisations."""
        super().train(mode)
        self.encoder.train(mode and not self.frozen)
        if self.settled:
            for layer in self.modules():
                if isinstance(layer, _BatchNorm):
                    layer.eval()
        return self

    def project(self, views: Views) -> Vectors:
        return (self.top(self.encoder(views[0])),)

    def compare(self, vectors: Vectors, items: ItemInfo) -> Losses:
        return self.label_type.loss(vectors[0].float(), self.class_ids[items.index], self.weight)
