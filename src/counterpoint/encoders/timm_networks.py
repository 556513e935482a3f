"""Encoders of timm, without their classifiers: ``timm:NAME`` untrained, ``timm:NAME(pretrained=True)`` pretrained.

Nothing is downloaded: weights are from a file, ``timm:NAME(pretrained='FILE')``, or from the local caches of timm and
the hub.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from counterpoint import catalogue
from counterpoint.errors import InputError, MissingPackage, SourceError, UnknownName, closest
from counterpoint.preprocessing import Preprocessing
from counterpoint.storage.files import expanded
from counterpoint.storage.typed_json import reason

TIMM = "timm:"


def timm_encoder(name: str, channels: int, size: int, *, classes: int = 0) -> nn.Module:
    """Any image model of timm by its name, untrained: (n, channels, size, size) -> (n, d), or class scores."""
    timm, name = _known(name)
    build = partial(timm.create_model, name, pretrained=False, num_classes=classes, in_chans=channels)
    return _sized(build, size)


def timm_pretrained(name: str, size: int) -> nn.Module:
    """The pretrained network: (n, 3, size, size) -> (n, d).

    Raises:
        SourceError: Its weights are not on this machine, or belong to another network.
    """
    timm, bare = _known(name)
    file = _file(name)
    build = partial(timm.create_model, bare, pretrained=True, pretrained_cfg_overlay={"file": str(file)})
    try:
        network = _sized(build, size)  # with its classifier, so that every weight has to fit
    except Exception as wrong:  # each network has its own loader, and may raise anything
        raise SourceError(
            f"'{file}' does not hold the weights of '{TIMM}{bare}': {reason(wrong)}. "
            "Try --weights=FILE, which matches names."
        ) from wrong
    network.reset_classifier(0)  # type: ignore[operator]
    return network


def timm_preprocessing(name: str) -> Preprocessing:
    """The preprocessing of a timm network, from timm.

    Raises:
        InputError: It is not supported.
    """
    timm, bare = _known(name)
    config = timm.get_pretrained_cfg(bare)
    if config is None:
        raise InputError(f"timm knows no weights of '{bare}'. Choose one of timm.list_pretrained().")
    result: dict[str, Any] = timm.data.resolve_data_config({}, pretrained_cfg=config.to_dict())
    size = min(result["input_size"][1:])
    if result["crop_mode"] not in ("center", "squash"):
        raise InputError(f"'{TIMM}{bare}' pads pictures with a border, which is not supported. Choose another.")
    shorter = None if result["crop_mode"] == "squash" else int(size / result["crop_pct"])
    resample = "bilinear" if result["interpolation"] == "random" else result["interpolation"]
    return Preprocessing(size, shorter, resample, tuple(result["mean"]), tuple(result["std"]))


def _known(name: str) -> tuple[Any, str]:
    """The module timm, and the name of one of its networks without options."""
    try:
        import timm
        import timm.data
    except ImportError:
        raise MissingPackage("timm", "timm") from None
    bare, options = catalogue.split(name.removeprefix(TIMM))
    if set(options) - {"pretrained"}:
        raise UnknownName(f"A network of timm has one option, (pretrained=True) or (pretrained='FILE'). Got '{name}'.")
    if not timm.is_model(bare):
        raise UnknownName(f"timm has no model '{bare}'.{closest(bare, timm.list_models())} See timm.list_models().")
    return timm, bare


def _sized(build: Any, size: int) -> nn.Module:
    try:
        return build(img_size=size)  # type: ignore[no-any-return]
    except TypeError:  # a network that takes any size has no such option
        return build()  # type: ignore[no-any-return]


def _file(name: str) -> Path:
    """The file of weights that is named, or in a local cache."""
    bare, options = catalogue.split(name.removeprefix(TIMM))
    if isinstance(options["pretrained"], str):
        file = expanded(options["pretrained"])
        if not file.is_file():
            raise SourceError(f"There is no file of weights '{file}'. Give its path: {TIMM}{bare}(pretrained='FILE').")
        return file
    places = _places(bare)
    there = next((place for place in places if place.is_file()), None)
    if there is None:
        raise SourceError(
            f"The weights of '{TIMM}{bare}' are not on this machine, and nothing is downloaded. They may lie in "
            f"'{places[0]}', or give a file of them: {TIMM}{bare}(pretrained='FILE')."
        )
    return there


def _places(bare: str) -> list[Path]:
    """The local caches in which weights may be: that of the hub, and that of torch."""
    import timm
    from huggingface_hub import constants, try_to_load_from_cache
    from torch.hub import get_dir

    config: Any = timm.get_pretrained_cfg(bare)
    checkpoints = Path(get_dir()) / "checkpoints"
    places = []
    if hub := getattr(config, "hf_hub_id", None):
        names = [config.hf_hub_filename] if config.hf_hub_filename else ["model.safetensors", "pytorch_model.bin"]
        cached = (try_to_load_from_cache(hub, each) for each in names)
        places += [Path(each) for each in cached if isinstance(each, str)]
        places.append(Path(constants.HF_HUB_CACHE) / f"models--{hub.replace('/', '--')}")
    if url := getattr(config, "url", None):
        places.append(checkpoints / str(url).rpartition("/")[2])
    return places or [checkpoints]
