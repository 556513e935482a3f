r"""ResNet: residual networks for images, from torchvision, without weights and without the classifier.

    x <- relu( x + F(x) )

He et al. 2015, arXiv:1512.03385.  Below 65 pixels the stem is a 3 x 3 convolution of stride 1 without pooling
(Chen et al. 2020, arXiv:2002.05709, appendix B.9): the large stem would discard most of a small image in two layers.
``times`` widens every stage, stem and output, as SimCLR and SimCLRv2 count 2x and 3x; such networks are timm's.
Use when: a GPU is available; ResNet-18 on two CPU cores takes an hour for one pass over 50,000 small images.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from counterpoint.encoders.sk_resnet import wide_resnet
from counterpoint.errors import PlanError


def _resnet(name: str, channels: int, size: int, width: int | None) -> nn.Module:
    from torchvision import models

    if width and name in ("resnet18", "resnet34"):
        raise PlanError(f"{name} has one width only. Leave width out, or take resnet50, whose middle can be wider.")
    options: dict[str, Any] = {"width_per_group": width} if width else {}
    network: Any = getattr(models, name)(weights=None, **options)
    if size <= 64:
        network.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
        network.maxpool = nn.Identity()
    elif channels != 3:
        network.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
    network.fc = nn.Identity()
    return network  # type: ignore[no-any-return]


def resnet18(channels: int, size: int, *, width: int | None = None) -> nn.Module:
    """ResNet-18: (n, channels, size, size) -> (n, 512)."""
    return _resnet("resnet18", channels, size, width)


def resnet34(channels: int, size: int, *, width: int | None = None) -> nn.Module:
    """ResNet-34: (n, channels, size, size) -> (n, 512)."""
    return _resnet("resnet34", channels, size, width)


def resnet50(channels: int, size: int, *, width: int | None = None, times: int = 1) -> nn.Module:
    """ResNet-50: (n, channels, size, size) -> (n, 2048 times); ``times`` widens every stage, ``width`` is that of the
    middle convolutions alone, 64 at first.
    """
    return _resnet("resnet50", channels, size, width) if times == 1 else wide_resnet(50, channels, size, width, times)


def resnet101(channels: int, size: int, *, width: int | None = None, times: int = 1) -> nn.Module:
    """ResNet-101: (n, channels, size, size) -> (n, 2048 times)."""
    return _resnet("resnet101", channels, size, width) if times == 1 else wide_resnet(101, channels, size, width, times)


def resnet152(channels: int, size: int, *, width: int | None = None, times: int = 1) -> nn.Module:
    """ResNet-152: (n, channels, size, size) -> (n, 2048 times)."""
    return _resnet("resnet152", channels, size, width) if times == 1 else wide_resnet(152, channels, size, width, times)
