r"""DINO: a student predicts, for each view, the output of its EMA teacher for another view.

    p = softmax(s / t) of the student,   q = softmax((s' - c) / t') of the teacher without gradient, t' < t
    loss = -mean over full-size views of the teacher, and all other views of the student, of sum_k q_k log p_k
    teacher <- m teacher + (1 - m) student,     c <- n c + (1 - n) mean(s')

Caron et al. 2021, arXiv:2104.14294, eq. 1 to 4 and algorithm 1.  s are cosines with K prototypes, the last layer of the
paper's head (appendix C).  The centre c prevents that one prototype dominates, the lower teacher temperature t' that
all become uniform; ``momentum`` m rises to 1, from 0.996 in the paper, whose runs are a hundred times longer.
Use when: encoders are large and there is time for local views.
Relations: ``byol`` on distributions over prototypes, without a predictor; ``swav`` with a teacher.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.comparison import Comparison, cosine, wide
from counterpoint.encoders.batched_views import together
from counterpoint.encoders.ema import ema_copy, follow, rising
from counterpoint.heads import Prototypes, outputs_of
from counterpoint.interfaces import ItemInfo, Losses, Method, Step, Vectors, Views
from counterpoint.negatives.in_batch import in_batch
from counterpoint.plans import within


class DINO(Method):
    """An encoder, a head and ``prototypes``, EMA copies of all three, and the centre of the teacher's outputs."""

    local_views = True
    centre: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        *,
        temperature: float = 0.1,
        sharper: float = 0.04,
        momentum: float = 0.99,
        centring: float = 0.9,
        prototypes: int = 256,
    ) -> None:
        super().__init__()
        within("temperature", temperature, 0.001)
        within("sharper", sharper, 0.001)
        within("momentum", momentum, 0, 1)
        within("centring", centring, 0, 1)
        self.encoder, self.head = encoder, head
        self.prototypes = Prototypes(outputs_of(head), prototypes)
        self.slow = ema_copy(encoder, head, self.prototypes)
        self.register_buffer("centre", torch.zeros(prototypes))
        self.temperature, self.sharper, self.momentum, self.centring = temperature, sharper, momentum, centring

    def project(self, views: Views) -> Vectors:
        student = together(nn.Sequential(self.encoder, self.head), views)
        with torch.no_grad():
            return *student, *together(self.slow[:2], views[:2])

    def compare(self, vectors: Vectors, items: ItemInfo) -> Losses:
        student, losses = [self.prototypes(wide(z)) for z in vectors[:-2]], []
        for usual, teacher_outputs in enumerate(self.teacher_outputs(vectors)):
            q = functional.softmax((teacher_outputs - self.centre) / self.sharper, dim=1)
            for other in student[:usual] + student[usual + 1 :]:
                losses.append(-(q * functional.log_softmax(other / self.temperature, dim=1)).sum(dim=1))
        return torch.stack(losses).mean(dim=0)

    def teacher_outputs(self, vectors: Vectors) -> Vectors:
        """The teacher's outputs for the two full-size views."""
        return tuple(self.slow[2](wide(z)).detach() for z in vectors[-2:])

    def after_step(self, step: Step) -> None:
        self.centre.lerp_(torch.cat(self.teacher_outputs(step.vectors)).mean(dim=0), 1 - self.centring)
        momentum = rising(self.momentum, step=step.number, total=step.total)
        follow(self.slow, self.encoder, self.head, self.prototypes, momentum=momentum)

    def watched(self, vectors: Vectors, items: ItemInfo) -> Comparison:
        return in_batch(vectors[-2:], items.index, cosine)
