r"""SimCSE: match a text with itself under another dropout mask, or with its partner, among the texts of a batch.

    loss_i = -log( e^{s(z_i, z_i')/t} / sum_j ( e^{s(z_i, z_j')/t} + e^{s(z_i, z_j^-)/t} ) )

Gao et al. 2021, arXiv:2104.08821: z and z' are two encodings of one text (eq. 4), with the views ``dropout``; or z' is
of a given partner, such as what it entails, and z^- of a text that contradicts it (hard negatives, eq. 5), of which
each row may have several or none.  h itself is compared.  Multiple negatives ranking of Henderson et al. 2017,
arXiv:1705.00652, and DPR, Karpukhin et al. 2020, arXiv:2004.04906, are the same.
Use when: anchors are queries and partners documents: questions and answers, pairs with hard negatives.
Relations: ``simclr`` also compares anchors with anchors; ``clip`` goes from partners to anchors as well.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from counterpoint.comparison import Comparison, Similarity, cosine, same_item
from counterpoint.encoders.batched_views import together
from counterpoint.interfaces import ItemInfo, Method, Objective, Vectors, Views


class SimCSE(Method):
    """An encoder, a head, and an objective from anchors to partners and hard negatives."""

    takes_others = True
    usual: ClassVar = {"temperature": 0.05, "head_layers": 0}

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        objective: Objective,
        *,
        items: int,
        similarity: Similarity = cosine,
    ) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.objective, self.similarity, self.items = objective, similarity, items

    def project(self, views: Views) -> Vectors:
        return together(lambda view: self.head(self.encoder(view)), views)

    def compare(self, vectors: Vectors, items: ItemInfo) -> Comparison:
        anchors, *candidates = vectors
        turns = torch.arange(len(candidates), device=anchors.device)  # hard negatives get numbers after all rows
        number = (items.index + self.items * turns[:, None]).reshape(-1)
        return Comparison(anchors, torch.cat(candidates), same_item(items.index, number), self.similarity)
