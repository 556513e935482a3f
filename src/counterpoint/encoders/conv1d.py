r"""Dilated convolutions for series: the dilation doubles from block to block.

    x <- x + W2 relu(BN(W1 relu(BN(x))))        kernels of 3 steps, dilation 1, 2, 4, ...
    h = [max over time; mean over time]

After TS2Vec, Yue et al. 2021, arXiv:2106.10466, section 3.1.  Six blocks have a receptive field of 255 steps; series
may have any length, and h has the same width for all of them.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Block(nn.Module):
    """A residual block of two dilated convolutions: (b, w, t) -> (b, w, t)."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(inplace=True),
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, bias=False),
        )

    def forward(self, series: Float[Tensor, "b w t"]) -> Float[Tensor, "b w t"]:
        changed: Tensor = series + self.change(series)
        return changed


class DilatedConvolutions(nn.Module):
    """Series (b, c, t) of any length to representations (b, outputs)."""

    def __init__(self, channels: int, width: int, blocks: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(channels, width, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(width, 2**number) for number in range(blocks)))
        self.last = nn.Sequential(
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, 2 * width, 1),
            nn.BatchNorm1d(2 * width),
            nn.ReLU(),
        )
        self.outputs = 4 * width

    def forward(self, series: Float[Tensor, "b c t"]) -> Float[Tensor, "b h"]:
        steps = self.last(self.blocks(self.first(series)))
        return torch.cat([steps.amax(dim=2), steps.mean(dim=2)], dim=1)


def conv1d(channels: int, *, width: int = 64, blocks: int = 6) -> DilatedConvolutions:
    """An encoder for series with this many channels; h has width 4 * ``width``.

    >>> conv1d(3, width=8)(torch.randn(2, 3, 50)).shape
    torch.Size([2, 32])
    """
    return DilatedConvolutions(channels, width, blocks)
