r"""A small ConvNet for images that trains in minutes on a CPU.

    stem 3x3 -> [halve, 3x3] -> [halve, 3x3, x + 3x3] -> [halve, 3x3, x + 3x3] -> 1x1 -> mean over places

Residual blocks as in He et al. 2015, arXiv:1512.03385; every convolution is followed by batch normalisation and ReLU,
and each halving doubles the channels.  The last 1x1 convolution expands to 512 features, which costs little and suits
probes and kNN.  At the default width a 32 x 32 view costs 20 MFLOP (two per multiplication); above 64 pixels a stem of
stride 2 limits the cost.

Use when: there is no GPU.   Relations: a ResNet-18 costs 50 times as much per view.
"""

from __future__ import annotations

from torch import Tensor, nn


def convolution(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, halved: bool = False) -> nn.Sequential:
    """A convolution with normalisation and ReLU; ``halved`` applies max pooling before the ReLU, which gives the same
    as after it at a quarter of the work.
    """
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        *([nn.MaxPool2d(2, ceil_mode=True)] if halved else []),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """x + F(x), with F one convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = self.change(x)
        return x + changed


class MeanOverPlaces(nn.Module):
    """(n, c, h, w) -> (n, c), with a channels-last gradient like those of the layers before, unlike
    ``AdaptiveAvgPool2d``; a ReLU takes four times as long over two different memory layouts.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).flatten(1, 2).mean(1)


def conv2d(channels: int, size: int, *, width: int | None = None, outputs: int = 512) -> nn.Module:
    """(n, channels, size, size) -> (n, outputs); ``width`` is the number of channels after the first halving.

    >>> import torch
    >>> conv2d(3, 32)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 512])
    """
    w = width or 32
    return nn.Sequential(
        convolution(channels, max(1, w // 2), stride=1 if size <= 64 else 2, halved=True),
        convolution(max(1, w // 2), w, halved=True),
        convolution(w, 2 * w),
        Residual(2 * w),
        nn.MaxPool2d(2, ceil_mode=True),
        convolution(2 * w, 4 * w),
        Residual(4 * w),
        convolution(4 * w, outputs, kernel=1),
        MeanOverPlaces(),
    )
