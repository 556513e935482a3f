r"""Exponential moving averages (EMA) of networks: copies that follow the weights slowly.

    w' <- m w' + (1 - m) w                              after every step
    m = 1 - (1 - m_0) (1 + cos(pi k / K)) / 2           step k of K, where the momentum rises to 1

He et al. 2020, arXiv:1911.05722, eq. 2; the rise is that of BYOL, Grill et al. 2020, arXiv:2006.07733, section 3.2.
Only weights are averaged. Batch normalisation inside a copy keeps statistics of its own batches, as in the code of both
papers.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import nn


def ema_copy(*networks: nn.Module) -> nn.Sequential:
    """A copy of networks in sequence, which no optimiser updates."""
    return copy.deepcopy(nn.Sequential(*networks)).requires_grad_(False)


@torch.no_grad()
def follow(ema: nn.Sequential, *networks: nn.Module, momentum: float) -> None:
    """Update the weights of a copy towards those of the networks that it was made from.

    >>> fast = nn.Linear(1, 1)
    >>> slow = ema_copy(fast)
    >>> _ = fast.weight.data.add_(1.0)
    >>> follow(slow, fast, momentum=0.75)
    >>> round(float((fast.weight - slow[0].weight).detach()), 4)
    0.75
    """
    for behind, ahead in zip(ema.parameters(), nn.Sequential(*networks).parameters(), strict=True):
        behind.lerp_(ahead, 1 - momentum)


def rising(momentum: float, *, step: int, total: int) -> float:
    """The momentum of a step, which rises from its initial value to 1.

    >>> [round(rising(0.9, step=step, total=4), 4) for step in (0, 2, 4)]
    [0.9, 0.95, 1.0]
    """
    return 1 - (1 - momentum) * (1 + math.cos(math.pi * step / total)) / 2
