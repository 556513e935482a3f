"""Encoders of other libraries, without their classifiers: ``timm:NAME``."""

from __future__ import annotations

from functools import partial

from torch import nn

from counterpoint.errors import MissingPackage, UnknownName, closest


def timm_encoder(name: str, channels: int, size: int, *, classes: int = 0) -> nn.Module:
    """Any image model of timm by its name, untrained: (n, channels, size, size) -> (n, d), or scores of classes."""
    try:
        import timm
    except ImportError:
        raise MissingPackage("timm", "timm") from None
    if name not in timm.list_models():
        raise UnknownName(f"timm has no model '{name}'.{closest(name, timm.list_models())} See timm.list_models().")
    build = partial(timm.create_model, name, pretrained=False, num_classes=classes, in_chans=channels)
    try:
        return build(img_size=size)
    except TypeError:  # a network that takes any size has no such option
        return build()
