r"""SimSiam: predict the same network's output for the other view, with a stopped gradient; no negatives.

    z = BN(g(f(view))),   p = q(z)
    loss = -[cos(p_1, stop(z_2)) + cos(p_2, stop(z_1))] / 2,   with local views the mean over all p except p_i per z_i

Chen & He 2020, arXiv:2011.10566, algorithm 1.  The stopped gradient prevents the collapse to a constant vector, and the
normalisation at the end of the projection keeps training stable; the predictor q has a bottleneck of a quarter of its
width.  At the usual learning rate its vectors collapsed to 6 of 512 directions; it needs many small steps.
Use when: memory is short, and you want no negatives, no queue and no second network.
Relations: ``byol`` without an EMA; ``simclr`` without negatives.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from counterpoint.comparison import Comparison, cosine, wide
from counterpoint.encoders.batched_views import together
from counterpoint.heads import mlp_head, outputs_of
from counterpoint.interfaces import ItemInfo, Losses, Method, Vectors, Views
from counterpoint.negatives.in_batch import in_batch


class SimSiam(Method):
    """An encoder, a head that ends in a normalisation, and a predictor."""

    local_views = True
    usual: ClassVar = {"head_outputs": 512, "batch_size": 64, "learning_rate": 1e-3}

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        width = outputs_of(head)
        self.encoder, self.head = encoder, head
        self.norm = nn.BatchNorm1d(width, affine=False)
        self.predictor = mlp_head(width, hidden=max(2, width // 4), outputs=width)

    def project(self, views: Views) -> Vectors:
        z = together(nn.Sequential(self.encoder, self.head, self.norm), views)
        return *together(self.predictor, z), *z[:2]

    def compare(self, vectors: Vectors, items: ItemInfo) -> Losses:
        *p, z1, z2 = (wide(each) for each in vectors)
        near = [
            functional.cosine_similarity(prediction, target)
            for usual, target in enumerate((z1.detach(), z2.detach()))
            for prediction in p[:usual] + p[usual + 1 :]
        ]
        return -torch.stack(near).mean(dim=0)

    def watched(self, vectors: Vectors, items: ItemInfo) -> Comparison:
        return in_batch(vectors[-2:], items.index, cosine)
