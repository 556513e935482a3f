r"""Distillation: a student learns to answer as a teacher does, on items that need no labels.

    loss_i = -(1 - a) sum_y P_teacher(y | v_i) log P_student(y | v_i)  -  a (n / n_L) [i in L] log P_student(y_i | v_i)
    P(y | v) = softmax(scores(v) / t)_y

SimCLRv2, Chen et al. 2020, arXiv:2006.10029, eq. 2 and 3, where L are the labelled items; Hinton et al. 2015,
arXiv:1503.02531.  Both see the same view, Beyer et al. 2021, arXiv:2106.05237.  The labels have t = 1.
Use when: a smaller network shall do what a large one does, or when few labels have taught a teacher and many items are
left that it can teach with.   Relations: with a = 1 it is supervised learning.
"""

from __future__ import annotations

import torch
from jaxtyping import Int64
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.interfaces import ItemInfo, Losses, Method, Vectors, Views


class Distillation(Method):
    """A student (an encoder and what stands on it), a teacher that stays as it is, and the labels there are."""

    codes: Tensor
    views = 1

    def __init__(
        self,
        encoder: nn.Module,
        top: nn.Module,
        teacher: nn.Module,
        codes: Int64[Tensor, " n"],
        *,
        temperature: float = 1.0,
        labels: float = 0.0,
    ) -> None:
        super().__init__()
        self.encoder, self.top, self.teacher = encoder, top, teacher.requires_grad_(False)
        self.temperature, self.labels = temperature, labels
        self.register_buffer("codes", codes)  # -1 for items without a label
        self.share = max(1, int((codes >= 0).sum())) / max(1, len(codes))

    def train(self, mode: bool = True) -> Distillation:
        """As every module's, but the teacher only ever answers."""
        super().train(mode)
        self.teacher.eval()
        return self

    def project(self, views: Views) -> Vectors:
        with torch.no_grad():
            taught = self.teacher(views[0])
        return self.top(self.encoder(views[0])), taught

    def compare(self, vectors: Vectors, items: ItemInfo) -> Losses:
        answered, taught = (scores.float() for scores in vectors)
        target = (taught / self.temperature).softmax(dim=1)
        soft = functional.cross_entropy(answered / self.temperature, target, reduction="none")
        hard = functional.cross_entropy(answered, self.codes[items.index], ignore_index=-1, reduction="none")
        return (1 - self.labels) * soft + self.labels / self.share * hard
