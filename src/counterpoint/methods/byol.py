r"""BYOL: predict an EMA encoder's output for the other view; no negatives.

    p = q(g(f(view))),   k = g'(f'(view)) without gradient,   f', g' <- m f', g' + (1 - m) f, g
    loss = [2 - 2 cos(p_1, k_2)] + [2 - 2 cos(p_2, k_1)],      with local views the mean over all p except p_i per k_i
    m = 1 - (1 - m_0) (1 + cos(pi step / steps)) / 2

Grill et al. 2020, arXiv:2006.07733, eq. 2 and section 3.2.  The predictor q prevents the collapse to a constant vector;
``momentum`` is m_0, 0.996 in the paper, whose runs are a thousand times longer.
With the usual batch and learning rate it learned little in minutes: it needs many small steps, and no large batch, as
items are not compared with each other.
Use when: batches contain many near-duplicates, which contrast would push apart.
Relations: with momentum 0 it is nearly ``simsiam``; with negatives it is ``moco_v3``.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from counterpoint.comparison import Comparison, cosine, wide
from counterpoint.encoders.batched_views import together
from counterpoint.encoders.ema import ema_copy, follow, rising
from counterpoint.errors import PlanError
from counterpoint.heads import mlp_head, outputs_of
from counterpoint.interfaces import ItemInfo, Losses, Method, Step, Vectors, Views
from counterpoint.negatives.in_batch import in_batch


class BYOL(Method):
    """An encoder and a head, EMA copies of both, and a predictor of width ``hidden``."""

    local_views = True
    usual: ClassVar = {"head_outputs": 256, "batch_size": 64, "learning_rate": 1e-3}

    def __init__(self, encoder: nn.Module, head: nn.Module, *, momentum: float = 0.99, hidden: int = 512) -> None:
        super().__init__()
        if not 0 <= momentum <= 1 or hidden < 1:
            raise PlanError(
                f"byol needs a momentum in [0, 1] and hidden of at least 1. Got momentum={momentum}, hidden={hidden}."
            )
        width = outputs_of(head)
        self.encoder, self.head = encoder, head
        self.predictor = mlp_head(width, hidden=hidden, outputs=width)
        self.slow = ema_copy(encoder, head)
        self.momentum = momentum

    def project(self, views: Views) -> Vectors:
        predictions = together(nn.Sequential(self.encoder, self.head, self.predictor), views)
        with torch.no_grad():
            return *predictions, *together(self.slow, views[:2])

    def compare(self, vectors: Vectors, items: ItemInfo) -> Losses:
        *p, k1, k2 = (wide(each) for each in vectors)
        near = [
            functional.cosine_similarity(prediction, target)
            for usual, target in enumerate((k1, k2))
            for prediction in p[:usual] + p[usual + 1 :]
        ]
        return 4 - 4 * torch.stack(near).mean(dim=0)

    def after_step(self, step: Step) -> None:
        momentum = rising(self.momentum, step=step.number, total=step.total)
        follow(self.slow, self.encoder, self.head, momentum=momentum)

    def watched(self, vectors: Vectors, items: ItemInfo) -> Comparison:
        return in_batch(vectors[-2:], items.index, cosine)
