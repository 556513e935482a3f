"""Load a model from its run folder: built as the records say, within bounds, then filled with the weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from counterpoint import catalogue
from counterpoint.catalogue.trust import remember, require_trusted, trusting
from counterpoint.errors import InputError, RunError, no_run
from counterpoint.heads import mlp_head
from counterpoint.modality import Modality, rebuild_encoder
from counterpoint.model.model import BUILT, CONFIG, HEAD, WEIGHTS, Model
from counterpoint.storage.files import expanded
from counterpoint.storage.schemas import Config, Head
from counterpoint.storage.typed_json import read_json, reason
from counterpoint.storage.weights import (
    REMEDY,
    fill,
    filled,
    read_weights,
    unchanged,
)
from counterpoint.training.devices import choose_device

LARGEST = 2**16
"""The largest value of an option of an encoder, or of views, that is accepted from a record."""


def load(folder: str | Path, *, encoder: nn.Module | None = None, device: str = "cpu", trust: bool = False) -> Model:
    """Load the model in a run folder; no code that the folder names is run.

    Args:
        folder: The folder.
        encoder: Needed only for a custom module; it receives the weights.
        device: Where it embeds: ``cpu``, ``cuda``, ``mps``, or ``auto``.
        trust: Load parts from outside this package that the folder names: their code is run.

    Raises:
        RunError: There is no finished model, or it is damaged.
        Untrusted: It names parts from outside that this process has not named, and is not trusted.
    """
    place, path = choose_device(device), expanded(folder)
    config = _config(path)
    with trusting(trust):
        for named in (config, config["settings"]):
            require_trusted(named, path)
            _require_sizes(path, named)
    modality = _modality(path, config)
    built: dict[str, Any] = {name: value for name, value in config.items() if name in BUILT}
    weights = read_weights(path / WEIGHTS, config["weights"])
    if encoder is not None:
        fill(encoder, weights, path)
    elif built.get("encoder"):
        encoder = filled(lambda: rebuild_encoder(modality, built["encoder"], built.get("width")), weights, path)
    else:
        raise RunError(f"The model in '{path}' has an encoder of your own; load it with load('{path}', encoder=...).")
    head = _head(path, config.get("head"))
    return Model(encoder.eval().to(place), modality, built, None if head is None else head.to(place))


def model_of(model: Model | str | Path, modality: str = "auto") -> Model:
    """A model, or the one in a run folder, of the modality that is named; ``auto`` stands for any.

    A modality from outside of this package that is named here is trusted, as ``package.module:Name``.

    Raises:
        InputError: The model is of another modality.
    """
    remember(modality)
    loaded = model if isinstance(model, Model) else load(model)
    if modality != "auto" and not isinstance(loaded.modality, catalogue.find("modality", modality)):
        raise InputError(
            f"The model is of the modality '{loaded.modality.name}'. Leave out the modality, or give a model of "
            f"'{modality}'."
        )
    return loaded


def _require_sizes(path: Path, named: Mapping[str, Any]) -> None:
    """Refuse options that would take more time and memory than any real network does."""
    for spec in (named.get("encoder"), named.get("views")):
        options = catalogue.split(spec)[1] if isinstance(spec, str) else {}
        large = [name for name, value in options.items() if isinstance(value, int) and value > LARGEST]
        if large:
            what = f"{large[0]} of '{str(spec)[:80]}' is above {LARGEST:,}"
            raise RunError(f"'{path / CONFIG}' is damaged: {what}. {REMEDY}")


def _modality(path: Path, config: Config) -> Modality:
    """The modality of a model, from its settings."""
    kind: type[Modality] = catalogue.find("modality", config["modality"])
    apart, settings = config.get("apart", {}), dict(config["settings"])
    for name in sorted(apart.keys() & kind.kept_apart.keys()):
        file = path / kind.kept_apart[name]
        settings[name] = read_json(unchanged(file, apart[name]), object, REMEDY)
    try:
        return kind.from_settings(settings)
    except (ValueError, TypeError, LookupError, AttributeError, RuntimeError, StopIteration) as wrong:
        if isinstance(wrong, RunError):
            raise
        raise RunError(f"The settings in '{path / CONFIG}' are damaged: {reason(wrong)}. {REMEDY}") from wrong


def _head(path: Path, config: Head | None) -> nn.Sequential | None:
    if config is None:
        return None
    shape: Any = {name: config[name] for name in ("inputs", "hidden", "outputs", "layers")}
    return filled(lambda: mlp_head(**shape), read_weights(path / HEAD, config["weights"]), path).eval()


def _config(path: Path) -> Config:
    if not path.is_dir():
        raise no_run(path)
    if not (path / CONFIG).exists():
        raise RunError(
            f"'{path}' holds no finished model. If it was interrupted, go on with: counterpoint fit ... --resume"
        )
    return read_json(path / CONFIG, Config, REMEDY)
