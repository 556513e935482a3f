"""Weights under the names by which torchvision and timm load them, in one file of safetensors."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoint import catalogue
from counterpoint.classification.classifier import Classifier
from counterpoint.encoders.timm_networks import timm_encoder
from counterpoint.exporting.contents import KEY, architecture, described
from counterpoint.modality import encoder_input
from counterpoint.model import Model
from counterpoint.storage.files import replacing
from counterpoint.storage.weights import tensors

RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
STEMS = {3: "3 x 3, stride 1, no pooling", 7: "7 x 7, stride 2, max pooling, as in torchvision"}


def write_state(model: Model, classifier: Classifier | None, out: Path) -> dict[str, Any]:
    """Write the encoder's weights, with the classifier where the architecture has a place for it.

    That is the last linear layer of torchvision's or timm's own network, so only for classifiers without projection
    layers below it. Returns the architecture and the name of the layer, or None where there is none.
    """
    from safetensors.torch import save

    weights, added = tensors(model.encoder), _added(model, classifier)
    with replacing(out) as temporary:
        temporary.write_bytes(save({**weights, **added}, metadata=_header(model, classifier)))
    return {
        "out": str(out),
        "format": "safetensors",
        "architecture": architecture(model),
        "tensors": len(weights) + len(added),
        "classifier": next(iter(added)).rpartition(".")[0] if added else None,
        "bytes": out.stat().st_size,
        "model": model.fingerprint(),
    }


def _added(model: Model, classifier: Classifier | None) -> dict[str, Tensor]:
    """The weights of the classifier under the architecture's own names, or none where it has no such layer."""
    if classifier is None or len(classifier.top[0]):  # type: ignore[arg-type]
        return {}
    name = catalogue.split(architecture(model))[0]
    top = {part: tensor.detach().cpu().contiguous() for part, tensor in classifier.top[1].state_dict().items()}
    if name in RESNETS:
        return {f"fc.{part}": tensor for part, tensor in top.items()}
    return _as_in_timm(name.removeprefix("timm:"), model, top) if name.startswith("timm:") else {}


def _as_in_timm(name: str, model: Model, top: dict[str, Tensor]) -> dict[str, Tensor]:
    """The linear layer under timm's names, if its network ends in one and then gives the same output."""
    inputs = encoder_input(model.modality)
    if inputs is None:
        return {}
    channels, size = int(inputs.axes["channels"] or 0), int(inputs.axes["height"] or 0)
    full, bare = timm_encoder(name, channels, size, classes=len(top["bias"])), copy.deepcopy(model.encoder).cpu()
    weights = tensors(bare)
    places = {place: tensor for place, tensor in full.state_dict().items() if place not in weights}
    parts = {place: place.rpartition(".")[2] for place in places}
    if sorted(parts.values()) != sorted(top) or any(
        places[at].numel() != top[part].numel() for at, part in parts.items()
    ):
        return {}
    added = {place: top[part].reshape(places[place].shape) for place, part in parts.items()}
    full.load_state_dict({**weights, **added})
    views = torch.randn(2, channels, size, size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours = functional.linear(bare.eval()(views), top["weight"], top["bias"])
        return added if torch.allclose(full.eval()(views), ours, rtol=1e-4, atol=1e-4) else {}


def _header(model: Model, classifier: Classifier | None) -> dict[str, str]:
    """The header of the file, all of it text: the architecture, the input, and the full description."""
    header = {"format": "pt", "architecture": architecture(model)}
    inputs = encoder_input(model.modality)
    for axis, name in (("channels", "in_channels"), ("height", "size"), ("columns", "in_features")):
        if inputs is not None and axis in inputs.axes:
            header[name] = str(inputs.axes[axis])
    first = getattr(model.encoder, "conv1", None)
    if catalogue.split(architecture(model))[0] in RESNETS and isinstance(first, nn.Conv2d):
        header["stem"] = STEMS[first.kernel_size[0]]
    return {**header, KEY: json.dumps(described(model, classifier), ensure_ascii=False)}
