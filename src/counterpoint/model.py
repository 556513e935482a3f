"""Keep: an encoder, the modality it sees through and where both came from. Embeds items; saved as a readable folder."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn
from torch.nn import functional

from counterpoint import __version__, catalogue
from counterpoint.embeddings import Embeddings
from counterpoint.errors import RunError
from counterpoint.files import expanded, fingerprint, replacing, write_json
from counterpoint.heads import mlp_head, shape_of_head
from counterpoint.interfaces import Items
from counterpoint.kinds import Modality
from counterpoint.training.devices import keep_freed_memory

WEIGHTS, CONFIG, HEAD = "model.safetensors", "config.json", "head.safetensors"
BUILT = ("encoder", "width", "seed")

BATCH = 256
"""Items that are embedded at a time: measured on a processor, where larger batches outgrow its caches."""


Tell = Callable[[int, int], None]
"""Is told how many items are done, and of how many."""


@dataclass(frozen=True, repr=False)
class Model:
    """What is kept of a training: encoder + modality + what is needed to build them again."""

    encoder: nn.Module
    modality: Modality
    built: Mapping[str, Any] = field(default_factory=dict)
    """Name, width and seed of the encoder; the name is "" for a module of the user's own."""
    head: nn.Sequential | None = None
    """The projection head that it was trained with, which embeds nothing: fine-tuning may begin in its layers."""

    def __repr__(self) -> str:
        name = self.built.get("encoder") or type(self.encoder).__name__
        return f"Model({self.modality.name}, {name}, {sum(p.numel() for p in self.encoder.parameters()):,} parameters)"

    def embed(self, source: object, *, batch_size: int = BATCH) -> Embeddings:
        """Unit vectors (n, d) float32 of all items of a source, with their names."""
        return self.embed_items(self.modality.open(source), batch_size=batch_size)

    def embed_items(self, items: Items, *, batch_size: int = BATCH, tell: Tell | None = None) -> Embeddings:
        """The same of items that are open already."""
        h = self.directions(items, batch_size=batch_size, tell=tell)
        return Embeddings(h, list(items.names), self.fingerprint())

    def directions(
        self, items: Items, *, batch_size: int = BATCH, tell: Tell | None = None
    ) -> Float32[np.ndarray, "n d"]:
        """The encoder's outputs h for all items, each scaled to length 1."""
        h = torch.from_numpy(self.represent(items, batch_size=batch_size, tell=tell))
        return functional.normalize(h, dim=1, out=h).numpy()

    def represent(
        self, items: Items, *, batch_size: int = BATCH, tell: Tell | None = None
    ) -> Float32[np.ndarray, "n d"]:
        """The encoder's own outputs h for all items, not scaled."""
        self.encoder.eval()
        keep_freed_memory()
        device = next(iter(self.encoder.parameters()), torch.empty(0)).device
        lengths = getattr(items, "lengths", None)  # where they differ, those of one length go together: less to fill up
        order = np.arange(len(items)) if lengths is None else np.argsort(lengths, kind="stable")
        h = np.empty((0, 0), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(items), batch_size):
                rows = order[start : start + batch_size]
                part = self.encoder(self.modality.plain(items.take(rows).to(device))).float().cpu()
                if start == 0:
                    h = np.empty((len(items), part.shape[1]), dtype=np.float32)
                h[rows] = part.numpy()
                if tell is not None:
                    tell(start + len(rows), len(items))
        return h

    def untrained(self, *, seed: int | None = None) -> Model:
        """The same model before it learned anything: the baseline that training has to beat.

        Its weights are those that training began with, or others where a ``seed`` is given.

        A module of your own is drawn anew by its parts' ``reset_parameters``; parts without one stay as they are.
        """
        with torch.random.fork_rng():
            torch.manual_seed(self.built.get("seed", 0) if seed is None else seed)
            if self.built.get("encoder"):
                fresh = self.modality.encoder(self.built["encoder"], self.built.get("width"))
            else:
                fresh = copy.deepcopy(self.encoder)
                fresh.apply(_reset)
            head = None if self.head is None else mlp_head(**shape_of_head(self.head))
        return Model(fresh, self.modality, self.built, head)

    def recipe(self) -> Mapping[str, Any]:
        """What open choices mean with its network, where that had learned before it came here."""
        return self.modality.recipe(str(self.built.get("encoder") or ""))

    def fingerprint(self) -> str:
        """A digest of the weights; embeddings carry it, so that they are never mixed with another model's."""
        return hashlib.sha256(_bytes(self.encoder)).hexdigest()

    def save(self, folder: str | Path) -> Path:
        """Write ``model.safetensors``, ``head.safetensors`` and ``config.json``, each whole or not at all."""
        target = expanded(folder)
        settings, apart = dict(self.modality.settings()), {}
        for name, file in self.modality.kept_apart.items():
            write_json(target / file, settings.pop(name))
            apart[name] = fingerprint(target / file)
        config = {
            "format": 1,
            "counterpoint": __version__,
            "modality": self.modality.name,
            "settings": settings,
            **({"apart": apart} if apart else {}),
            **self.built,
            "weights": write_weights(target / WEIGHTS, self.encoder),
        }
        if self.head is not None:
            config["head"] = {**shape_of_head(self.head), "weights": write_weights(target / HEAD, self.head)}
        write_json(target / CONFIG, config)
        return target


def load(folder: str | Path, *, encoder: nn.Module | None = None) -> Model:
    """The model in a run folder. ``encoder`` is needed only for a module of your own, and gets its weights."""
    path = expanded(folder)
    config = _config(path)
    weights = _weights(path / WEIGHTS, config["weights"])
    kind: type[Modality] = catalogue.find("modality", config["modality"])
    apart = {name: _apart(path / kind.kept_apart[name], digest) for name, digest in config.get("apart", {}).items()}
    modality = kind.restore({**config["settings"], **apart})
    built: dict[str, Any] = {name: config[name] for name in BUILT if name in config}
    if encoder is None:
        if not built.get("encoder"):
            raise RunError(
                f"The model in '{path}' has an encoder of your own; load it with load('{path}', encoder=...)."
            )
        encoder = modality.rebuilt(built["encoder"], built.get("width"))
    _fill(encoder, weights, path)
    return Model(encoder.eval(), modality, built, _head(path, config.get("head")))


def _apart(file: Path, digest: str) -> Any:
    """A setting that has a file of its own."""
    return json.loads(_unchanged(file, digest).read_text(encoding="utf-8"))


def _head(path: Path, config: Mapping[str, Any] | None) -> nn.Sequential | None:
    if config is None:
        return None
    weights = _weights(path / HEAD, config["weights"])
    head = mlp_head(**{name: int(value) for name, value in config.items() if name != "weights"})
    _fill(head, weights, path)
    return head.eval()


def write_weights(file: Path, network: nn.Module) -> str:
    """Write the weights of a network, whole or not at all, and return the digest of the file."""
    with replacing(file) as temporary:
        temporary.write_bytes(_bytes(network))
    return fingerprint(file)


def tensors(network: nn.Module) -> dict[str, Tensor]:
    """The weights of a network by their names, on the processor, each in memory of its own as safetensors wants."""
    held: dict[str, Tensor] = {}
    places: set[int] = set()
    for name, tensor in network.state_dict().items():
        whole = tensor.detach().cpu().contiguous()
        place = whole.untyped_storage().data_ptr()
        held[name] = whole.clone() if place in places else whole
        places.add(place)
    return held


def _bytes(network: nn.Module) -> bytes:
    """The weights of a network as they are saved."""
    from safetensors.torch import save

    return save(tensors(network))


def _config(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise RunError(f"There is no run in '{path}'. Make one with: counterpoint fit SOURCE --out {path}")
    if not (path / CONFIG).exists():
        raise RunError(f"'{path}' holds no finished model. If it was interrupted, go on with: fit ... --resume")
    try:
        config = json.loads((path / CONFIG).read_text(encoding="utf-8"))
        if not isinstance(config, dict) or {"modality", "settings", "weights"} - set(config):
            raise ValueError("it lacks the modality, its settings or the digest of the weights")
    except (OSError, ValueError) as wrong:
        raise RunError(f"'{path / CONFIG}' is damaged: {wrong}. Train again with --overwrite.") from wrong
    return config


def _weights(file: Path, digest: str) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load as parse

    try:
        return parse(_unchanged(file, digest).read_bytes())
    except SafetensorError as wrong:
        raise RunError(f"'{file}' is damaged: {wrong}. Train again with --overwrite.") from wrong


def _unchanged(file: Path, digest: str) -> Path:
    """The file, if it is what was saved."""
    if not file.exists():
        raise RunError(f"'{file}' is missing. Train again with --overwrite.")
    if fingerprint(file) != digest:
        raise RunError(f"'{file}' is not what was saved: cut off or changed since. Train again with --overwrite.")
    return file


def _fill(encoder: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    here = {name: tuple(tensor.shape) for name, tensor in encoder.state_dict().items()}
    there = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    differing = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
    if differing:
        raise RunError(
            f"The weights in '{path}' are of another architecture: {len(differing)} tensors differ, the first is "
            f"'{differing[0]}', {there.get(differing[0], 'absent')} saved and {here.get(differing[0], 'absent')} built."
        )
    encoder.load_state_dict(dict(weights))


def _reset(module: nn.Module) -> None:
    """Draw a module's own weights anew, where it knows how to."""
    reset = getattr(module, "reset_parameters", None)
    if callable(reset):
        reset()
