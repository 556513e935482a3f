r"""Distillation: a student learns a teacher's predictions, on items that need no labels.

    loss_i = -(1 - a) sum_y P_teacher(y | v_i) log P_student(y | v_i)  -  a (n / n_L) [i in L] log P_student(y_i | v_i)
    P(y | v) = softmax(scores(v) / t)_y

SimCLRv2, Chen et al. 2020, arXiv:2006.10029, eq. 2 and 3, where L are the labelled items; Hinton et al. 2015,
arXiv:1503.02531.  Both see the same view, Beyer et al. 2021, arXiv:2106.05237, unless the teacher's predictions were
computed in advance.  For labels t = 1.
Use when: a smaller network shall replace a large one, or when a teacher was trained on few labels and there are many
unlabelled items.   Relations: with a = 1 it is supervised learning.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from counterpoint.interfaces import ItemInfo, Losses, Method, Vectors, Views
from counterpoint.label_types import LabelType


class Distillation(Method):
    """A student (an encoder and its classification layer), a fixed teacher, and the labels there are.

    The teacher is a network, or the scores (n, k) that it computed for every item in advance.
    """

    class_ids: Tensor
    answers: Tensor | None
    views = 1

    def __init__(
        self,
        encoder: nn.Module,
        top: nn.Module,
        teacher: nn.Module | Float[Tensor, "n k"],
        class_ids: Int64[Tensor, "n ..."],
        label_type: LabelType,
        *,
        temperature: float = 1.0,
        labels: float = 0.0,
    ) -> None:
        super().__init__()
        self.encoder, self.top = encoder, top
        self.teacher = teacher.requires_grad_(False) if isinstance(teacher, nn.Module) else None
        self.register_buffer("answers", None if isinstance(teacher, nn.Module) else teacher)
        self.label_type, self.temperature, self.labels = label_type, temperature, labels
        self.register_buffer("class_ids", class_ids)  # -1 for items without a label
        labelled = class_ids.reshape(len(class_ids), -1)[:, 0] >= 0  # a multi-label item has all of its labels, or none
        self.share = max(1, int(labelled.sum())) / max(1, len(class_ids))

    def train(self, mode: bool = True) -> Distillation:
        """As for every module, but the teacher stays in evaluation mode."""
        super().train(mode)
        if self.teacher is not None:
            self.teacher.eval()
        return self

    def project(self, views: Views) -> Vectors:
        answered = self.top(self.encoder(views[0]))
        if self.teacher is None:
            return (answered,)
        with torch.no_grad():
            return answered, self.teacher(views[0])

    def compare(self, vectors: Vectors, items: ItemInfo) -> Losses:
        answered = vectors[0].float()
        teacher = vectors[1].float() if self.answers is None else self.answers[items.index]
        soft = self.label_type.distillation_loss(answered / self.temperature, teacher / self.temperature)
        hard = self.label_type.loss(answered, self.class_ids[items.index], None)
        return (1 - self.labels) * soft + self.labels / self.share * hard
