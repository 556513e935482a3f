"""Which image networks are pretrained, and their preprocessing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from counterpoint import catalogue
from counterpoint.catalogue.trust import from_outside
from counterpoint.encoders.hf_images import PREFIX, hf_preprocessing
from counterpoint.encoders.timm_networks import TIMM, timm_preprocessing
from counterpoint.encoders.weights_file import metadata
from counterpoint.preprocessing import Preprocessing
from counterpoint.storage.files import expanded

TORCHVISION = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
"""Encoders of this package that torchvision's weights fit."""


def has_learned(encoder: str) -> bool:
    """Whether an encoder is pretrained, by its name.

    >>> has_learned("timm:vit_tiny_patch16_224(pretrained=True)"), has_learned("timm:resnet18"), has_learned("conv2d")
    (True, False, False)
    """
    name, options = catalogue.split(encoder)
    return name.startswith(PREFIX) or (name.startswith(TIMM) and bool(options.get("pretrained")))


def preprocessing_of(encoder: str, weights: str | None) -> Preprocessing | None:
    """The preprocessing of a network that is pretrained, by its name or by a file of weights.

    None where it is not pretrained, or unknown. Weights written by this package contain it.
    """
    name = catalogue.split(encoder)[0]
    if weights is not None and (stored := _of_model(expanded(weights))) is not None:
        return stored
    if name.startswith(PREFIX):
        return hf_preprocessing(encoder)
    if name.startswith(TIMM) and (weights is not None or has_learned(encoder)):
        return timm_preprocessing(encoder)
    if name in TORCHVISION and weights is not None:
        return Preprocessing(224, shorter=256)
    if from_outside(name):
        declared = getattr(catalogue.find("encoder", name), "preprocessing", None)
        return None if declared is None else Preprocessing.of(declared)
    return None


def _of_model(file: Path) -> Preprocessing | None:
    """That of a model of this package, in an exported file or beside the weights in its folder."""
    settings = metadata(file).get("settings")
    beside = file.with_name("config.json")
    if settings is None and file.name == "model.safetensors" and beside.is_file():
        try:
            settings = json.loads(beside.read_text(encoding="utf-8")).get("settings")
        except (ValueError, AttributeError):  # an unrelated file of that name
            return None
    return _of_settings(settings) if isinstance(settings, Mapping) else None


def _of_settings(settings: Mapping[str, Any]) -> Preprocessing | None:
    """That of a model of colour pictures, from the settings of its modality."""
    if "like" in settings:
        return Preprocessing.of(settings["like"])
    if settings.get("channels") != 3 or "deviation" not in settings:
        return None
    return Preprocessing(settings["size"], None, "bilinear", tuple(settings["mean"]), tuple(settings["deviation"]))
