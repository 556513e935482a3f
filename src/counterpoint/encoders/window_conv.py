r"""Four convolutions for short windows of series, without dilation.

    x <- relu(BN(W x))      kernels of 7, 5, 3 and 3 steps, of width w, 2 w, w and 2 w
    h = mean over time

The encoder of PaAno, Park & Kang 2026, arXiv:2602.01359, section 3.1, at a quarter of its width.

Use when: windows are about as long as what shall be told apart in them: 32 to 128 steps.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

KERNELS = (7, 5, 3, 3)


class WindowConvolutions(nn.Module):
    """Windows (b, c, t) to representations (b, outputs)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for kernel, outputs in zip(KERNELS, (width, 2 * width, width, 2 * width), strict=True):
            layers += [
                nn.Conv1d(channels, outputs, kernel, padding=kernel // 2, bias=False),
                nn.BatchNorm1d(outputs),
                nn.ReLU(inplace=True),
            ]
            channels = outputs
        self.layers = nn.Sequential(*layers)
        self.outputs = channels

    def forward(self, windows: Float[Tensor, "b c t"]) -> Float[Tensor, "b h"]:
        steps: Tensor = self.layers(windows)
        return steps.mean(dim=2)


def window_conv(channels: int, *, width: int = 32) -> WindowConvolutions:
    """An encoder for windows with this many channels; h has width 2 * ``width``.

    >>> import torch
    >>> window_conv(2, width=8)(torch.randn(3, 2, 64)).shape
    torch.Size([3, 16])
    """
    return WindowConvolutions(channels, width)
