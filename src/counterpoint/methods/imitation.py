r"""Imitation: a student learns the similarities between items from its teacher, without labels.

    p_ij = softmax over j != i of t_i . t_j / tau        teacher, vectors of length 1
    q_ij = softmax over j != i of s_i . s_j / tau        student
    loss_i = -sum_j p_ij log q_ij

CompRess, Abbasi Koohpayegani et al. 2020, arXiv:2010.14713, eq. 1 to 3, with the other items of the batch in place of
its memory bank; each network is compared with its own vectors, so that they may differ in length.  Both see the same
view; or the teacher's vectors of all items are computed once, which saves its forward passes in every epoch.
Use when: a smaller network shall search and cluster as a large one does.
Relations: InfoNCE with the teacher's distribution as the target; ``distillation`` imitates class predictions.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.interfaces import ItemInfo, Losses, Method, Vectors, Views


class Imitation(Method):
    """A student's encoder; and a fixed teacher, or its vectors of every item, ``targets`` (n, d)."""

    views = 1

    def __init__(
        self,
        encoder: nn.Module,
        teacher: nn.Module | None = None,
        *,
        targets: Float[Tensor, "n d"] | None = None,
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        self.encoder, self.temperature = encoder, temperature
        self.teacher = None if teacher is None else teacher.requires_grad_(False)
        self.targets: Tensor | None
        self.register_buffer("targets", targets, persistent=False)

    def train(self, mode: bool = True) -> Imitation:
        """As for every module, but the teacher stays in evaluation mode."""
        super().train(mode)
        if self.teacher is not None:
            self.teacher.eval()
        return self

    def project(self, views: Views) -> Vectors:
        if self.teacher is None:
            return (self.encoder(views[0]),)
        with torch.no_grad():
            target = self.teacher(views[0])
        return self.encoder(views[0]), target

    def compare(self, vectors: Vectors, items: ItemInfo) -> Losses:
        target = vectors[1] if self.targets is None else self.targets[items.index]
        student, teacher = self._alike(vectors[0]), self._alike(target)
        diagonal = torch.eye(len(student), dtype=torch.bool, device=student.device)
        return -(teacher.exp() * student).masked_fill(diagonal, 0).sum(dim=1)

    def _alike(self, vectors: Float[Tensor, "b d"]) -> Float[Tensor, "b b"]:
        """The log-probabilities of the other items given each item."""
        unit = functional.normalize(vectors.float(), dim=1)
        return (unit @ unit.T / self.temperature).fill_diagonal_(-torch.inf).log_softmax(dim=1)
