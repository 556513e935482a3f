r"""The encoders of SimCLRv2: ResNets whose every stage is some times as wide, and those with selective kernels.

    u_1, u_2 = relu(BN(K_1 * x)), relu(BN(K_2 * x))
    a = softmax over the two of W_2 relu(BN(W_1 mean_places(u_1 + u_2)))
    y = a_1 u_1 + a_2 u_2

Chen et al. 2020, arXiv:2006.10029, section 2 and table 1; selective kernels from Li et al. 2019, arXiv:1903.06586, in
the form of SimCLRv2: both K are 3 x 3 and see all channels c, W_1 has max(32, c / 16) rows, the stem is three 3 x 3
convolutions, and shortcuts that halve the places average them first (ResNet-D, arXiv:1812.01187).  The blocks are
timm's.  Its attention is made anew, since it rounds c / 16 to a multiple, which is not the paper's at 3 times; and its
first shortcut, which halves nothing, does not average, where the authors' code does.  The last normalisation of a
block begins at 0, as the authors' does, so that each block begins as its shortcut.  Table 1 counts the means and
variances of the normalisations too, and no classifier; so counted, each of its rows is met to the million.

Use when: there are GPUs, and few labels, with which larger networks do better.
Relations: sk_resnet50 costs 1.5 times as much as resnet50.  Below 65 pixels the stem is a 3 x 3 convolution of stride 1
without pooling, as in ``resnet``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from counterpoint.errors import MissingPackage
from counterpoint.plans import check

BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Blocks of the four stages, by the number of layers."""


def sk_resnet50(channels: int, size: int, *, width: int | None = None, times: int = 1) -> nn.Module:
    """ResNet-50 with selective kernels: (n, channels, size, size) -> (n, 2048 times); ``times`` widens every stage,
    ``width`` is that of the middle convolutions alone, 64 at first.
    """
    return _sk_resnet(50, channels, size, width, times)


def sk_resnet101(channels: int, size: int, *, width: int | None = None, times: int = 1) -> nn.Module:
    """ResNet-101 with selective kernels: (n, channels, size, size) -> (n, 2048 times)."""
    return _sk_resnet(101, channels, size, width, times)


def sk_resnet152(channels: int, size: int, *, width: int | None = None, times: int = 1) -> nn.Module:
    """ResNet-152 with selective kernels: (n, channels, size, size) -> (n, 2048 times)."""
    return _sk_resnet(152, channels, size, width, times)


def _sk_resnet(depth: int, channels: int, size: int, width: int | None, times: int) -> nn.Module:
    try:
        from timm.layers.selective_kernel import SelectiveKernelAttn
        from timm.models.resnet import ResNet
        from timm.models.sknet import SelectiveKernelBottleneck
    except ImportError:
        raise MissingPackage("timm", "timm") from None
    block: Any = SelectiveKernelBottleneck
    both = {"sk_kwargs": {"kernel_size": 3, "split_input": False}}
    make = partial(ResNet, block, BLOCKS[depth], avg_down=True, block_args=both)
    network = _widened(make, channels, size, width, times)
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        for each in stage:
            c = each.conv2.out_channels
            each.conv2.attn = SelectiveKernelAttn(c, 2, max(32, c // 16))
    network.init_weights(zero_init_last=True)
    return network  # type: ignore[no-any-return]


def wide_resnet(depth: int, channels: int, size: int, width: int | None, times: int) -> nn.Module:
    """ResNet-50, 101 or 152 whose every stage is ``times`` as wide: (n, channels, size, size) -> (n, 2048 times).

    Torchvision's networks of that name are wide in the middle of a block only, which is ``width``.
    """
    try:
        from timm.models.resnet import Bottleneck, ResNet
    except ImportError:
        raise MissingPackage("timm", "timm") from None
    block: Any = Bottleneck
    network = _widened(partial(ResNet, block, BLOCKS[depth]), channels, size, width, times)
    if size > 64:
        network.conv1 = nn.Conv2d(channels, 64 * times, 7, stride=2, padding=3, bias=False)
    network.init_weights(zero_init_last=True)
    return network  # type: ignore[no-any-return]


def _widened(make: Callable[..., Any], channels: int, size: int, width: int | None, times: int) -> Any:
    """What ``make`` makes of timm's options with every stage, stem included, ``times`` as wide; weights not yet drawn.

    Only timm's deep stem has a width of its own; where another is wanted, it is put in its place.
    """
    check("times", times, int, {"low": 1, "high": None})
    first = 64 * times
    stages = tuple(first * factor for factor in (1, 2, 4, 8))
    network = make(
        num_classes=0,
        in_chans=channels,
        base_width=width or 64,
        stem_type="deep",
        stem_width=first // 2,
        channels=stages,
    )
    if size <= 64:
        network.conv1 = nn.Conv2d(channels, first, 3, padding=1, bias=False)
        network.maxpool = nn.Identity()
    return network
