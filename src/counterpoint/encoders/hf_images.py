"""Pretrained image networks of the library transformers: ``hf:PATH`` or ``hf:NAME``.

As ViT, DINOv2, Swin, ResNet and ConvNeXt are saved: a config, weights as safetensors, and an image processor, which
describes the preprocessing. Nothing is downloaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from inspect import signature
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from counterpoint import catalogue
from counterpoint.encoders.local_files import AS_DATA, library, local_file, without_code
from counterpoint.errors import InputError, SourceError
from counterpoint.preprocessing import Preprocessing
from counterpoint.storage.files import expanded

PREFIX = "hf:"

POOLINGS = ("cls", "mean", "pooler")
"""The first token, the mean of all, or the network's own pooled output."""

RESAMPLES = {2: "bilinear", 3: "bicubic"}
"""Pillow's numbers of filters, as processors save them."""


def described(spec: str, *, size: int) -> dict[str, Any] | None:
    """The settings to build the network of ``hf:NAME`` or ``hf:NAME(pooling='mean')``; None for another encoder.

    Raises:
        InputError: An option is invalid.
        SourceError: The network is not on this machine, or not for images.
    """
    if not spec.startswith(PREFIX):
        return None
    name, options = _split(spec)
    try:
        config = library().AutoConfig.from_pretrained(name, **AS_DATA)
    except (OSError, ValueError) as wrong:
        raise SourceError(_absent(name, wrong)) from wrong
    return {
        "name": name,
        "config": json.loads(config.to_json_string(use_diff=True)),
        "pooling": options.get("pooling", ""),
        "size": size,
    }


def hf_preprocessing(spec: str) -> Preprocessing:
    """The preprocessing of a network, from the image processor beside it.

    Raises:
        SourceError: There is none, or its preprocessing is not supported.
    """
    name, _ = _split(spec)
    if local_file(name, "preprocessor_config.json") is None:
        raise SourceError(
            f"There is no network of pictures '{PREFIX}{name}' on this machine: it lacks preprocessor_config.json, "
            "which says how they are brought to it. Give a folder that its image processor is saved in, too."
        )
    try:
        processor = library().AutoImageProcessor.from_pretrained(name, **AS_DATA)
    except (OSError, ValueError, ImportError) as wrong:
        raise SourceError(_absent(name, wrong)) from wrong
    return _of_processor(name, processor)


class Pictured(nn.Module):
    """Pictures (b, 3, s, s) to representations (b, d): the first token, the mean, or the network's own pooling."""

    def __init__(self, network: nn.Module, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self.network = network
        self.pooling = settings["pooling"] or _usual(network)
        config: Any = network.config
        native = getattr(config, "image_size", None)
        able = "interpolate_pos_encoding" in signature(network.forward).parameters
        self.options = {"interpolate_pos_encoding": True} if able and native not in (None, settings["size"]) else {}

    def forward(self, pictures: Float[Tensor, "b c s s"]) -> Float[Tensor, "b d"]:
        made: Any = self.network(pixel_values=pictures, **self.options)
        if self.pooling == "pooler":
            pooled: Tensor = made.pooler_output
            return pooled.flatten(1)
        states: Tensor = made.last_hidden_state
        tokens = states.flatten(2).transpose(1, 2) if states.ndim == 4 else states
        return tokens.mean(dim=1) if self.pooling == "mean" else tokens[:, 0]


def pretrained(settings: Mapping[str, Any]) -> Pictured:
    """A network with its pretrained weights.

    Raises:
        SourceError: It is not on this machine, or lacks weights in safetensors, or some of them.
    """
    name = str(settings["name"])
    options: dict[str, Any] = {"use_safetensors": True, "output_loading_info": True, **AS_DATA}
    try:
        network, loaded = library().AutoModel.from_pretrained(name, dtype=torch.float32, **options)
    except (OSError, ValueError) as wrong:
        raise SourceError(_absent(name, wrong)) from wrong
    made = _seeing(network, settings)
    lacking = sorted(set(loaded["missing_keys"]) & {key.removeprefix("network.") for key in made.state_dict()})
    if lacking:
        raise SourceError(
            f"'{PREFIX}{name}' lacks {len(lacking)} of its weights, the first is '{lacking[0]}'. Save it again."
        )
    return made


def blank(settings: Mapping[str, Any]) -> Pictured:
    """The same network without weights, which are about to be loaded."""
    config = library().AutoConfig.for_model(**without_code(settings["config"]))
    return _seeing(library().AutoModel.from_config(config, trust_remote_code=False), settings)


def _seeing(network: nn.Module, settings: Mapping[str, Any]) -> Pictured:
    """The network without its pooler, where that is not used."""
    if getattr(network, "main_input_name", "") != "pixel_values" or not hasattr(network.config, "num_channels"):
        raise SourceError(
            f"'{PREFIX}{settings['name']}' does not see pictures alone. Choose a ViT, DINOv2 or ConvNeXt."
        )
    made = Pictured(network, settings)
    if made.pooling != "pooler" and getattr(network, "pooler", None) is not None:
        setattr(network, "pooler", None)  # noqa: B010  (its type is the library's)
    return made


def _usual(network: nn.Module) -> str:
    """The first token of a network that has a class token, else its own pooling."""
    return "cls" if any(name.endswith("cls_token") for name, _ in network.named_parameters()) else "pooler"


def _split(spec: str) -> tuple[str, Mapping[str, Any]]:
    """The name or the path of a network, and its options."""
    name, options = catalogue.split(spec.removeprefix(PREFIX))
    if set(options) - {"pooling"} or options.get("pooling", "cls") not in POOLINGS:
        raise InputError(
            f"Write {PREFIX}{name}, or behind it (pooling='mean'), which may be {', '.join(POOLINGS)}. Got '{spec}'."
        )
    return str(expanded(name)) if name.startswith("~") else name, options


def _of_processor(name: str, processor: Any) -> Preprocessing:
    """The preprocessing of an image processor, if it resizes, crops the centre and standardises."""
    wanted = processor.size
    edge, tall = (getattr(wanted, key, None) or dict(wanted).get(key) for key in ("shortest_edge", "height"))
    crop = getattr(processor, "crop_size", None) if getattr(processor, "do_center_crop", None) else None
    percent = getattr(processor, "crop_pct", None)
    if tall and not crop:
        size, shorter = int(tall), None
    elif edge and percent:  # as for ConvNeXt: from 384 pixels on nothing is cropped
        size, shorter = int(edge), int(edge / percent) if edge < 384 else None
    elif edge and crop:
        size, shorter = int(getattr(crop, "height", None) or crop["height"]), int(edge)
    else:
        raise _unknown(name, f"brings pictures to {wanted}")
    scale = getattr(processor, "rescale_factor", 1 / 255) if processor.do_rescale else 1.0
    if abs(scale - 1 / 255) > 1e-6:
        raise _unknown(name, f"multiplies pixels by {scale:g}")
    if int(processor.resample) not in RESAMPLES:
        raise _unknown(name, f"resizes by the filter {processor.resample}")
    mean, std = (processor.image_mean, processor.image_std) if processor.do_normalize else ((0.0,) * 3, (1.0,) * 3)
    return Preprocessing(size, shorter, RESAMPLES[int(processor.resample)], tuple(mean), tuple(std))


def _unknown(name: str, what: str) -> SourceError:
    return SourceError(
        f"The image processor of '{PREFIX}{name}' {what}, which is not done here. Choose another network."
    )


def _absent(name: str, wrong: Exception) -> str:
    """The message for a network that cannot be loaded."""
    reason = str(wrong).strip().splitlines()[0].rstrip(".")
    return (
        f"There is no network '{PREFIX}{name}' that can be read on this machine: {reason}. Give the path of its folder."
    )
