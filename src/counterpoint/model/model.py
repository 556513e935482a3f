"""A model: an encoder, its modality and their provenance. Embeds items; saved as a readable folder."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from torch import nn
from torch.nn import functional

from counterpoint import __version__
from counterpoint.batch import to
from counterpoint.data.aligned_rows import every_row, in_memory, warn_of_zeros
from counterpoint.data.path_or_text import is_text
from counterpoint.embeddings import Embeddings, require_finite
from counterpoint.encoders.initial_weights import untrained_encoder
from counterpoint.errors import InputError, NothingLeft, visible
from counterpoint.heads import mlp_head, shape_of_head
from counterpoint.interfaces import Items, info_of
from counterpoint.modality import Modality, encoder_input, parse_query, recipe_for
from counterpoint.output.html import model_html
from counterpoint.storage.files import expanded, fingerprint, write_json
from counterpoint.storage.weights import (
    as_bytes,
    require_finite_weights,
    stamp,
    write_weights,
)
from counterpoint.training.devices import keep_freed_memory

WEIGHTS, CONFIG, HEAD = "model.safetensors", "config.json", "head.safetensors"
BUILT = ("encoder", "width", "seed", "initial_weights", "adopted")

LOG = logging.getLogger("counterpoint")


def _shown(record: logging.LogRecord) -> bool:
    """Escape control characters in a log record; keeps every record."""
    record.msg, record.args = visible(record.getMessage()), ()
    return True


LOG.addFilter(_shown)

BATCH = 256
"""Items per forward pass: measured on a CPU, where larger batches outgrow its caches."""

LONG_ENOUGH = 16
"""A length of token sequences or series, where it varies, that every encoder accepts."""

Tell = Callable[[int, int], None]
"""Progress: called with the number of items done, and of all items."""


@dataclass(frozen=True, repr=False)
class Model:
    """What a training produces: encoder, modality, and what is needed to build them again."""

    encoder: nn.Module
    modality: Modality
    built: Mapping[str, Any] = field(default_factory=dict)
    """Name (empty for a custom module), width, seed, file of ``initial_weights``, whether ``adopted`` untrained."""
    head: nn.Sequential | None = None
    """The projection head of its training, not used to embed: fine-tuning may start from its first layers."""
    _digested: dict[tuple[Any, ...], str] = field(default_factory=dict, init=False, compare=False)
    """The last fingerprint, keyed by a stamp of the weights."""
    _repr_html_ = model_html

    def __repr__(self) -> str:
        name = self.built.get("encoder") or type(self.encoder).__name__
        return f"Model({self.modality.name}, {name}, {sum(p.numel() for p in self.encoder.parameters()):,} parameters)"

    @property
    def device(self) -> torch.device:
        """The device of the encoder."""
        return next(iter(self.encoder.parameters()), torch.empty(0)).device

    def embed(self, source: object, *, batch_size: int = BATCH, tell: Tell | None = None) -> Embeddings:
        """Unit vectors (n, d) float32 of all items of a source, with their names.

        For data in memory (arrays, lists, frames, dictionaries) row i is item i of the source: one that cannot be
        embedded, such as an empty text or a broken picture, is a row of zeros, and a warning says so. For files and
        folders such items are left out. For a text model a string that is not a path is a text.
        """
        h, names = self.represent_source(source, batch_size=batch_size, tell=tell)
        return Embeddings(_unit(h), list(names), self.fingerprint())

    def represent_source(
        self, source: object, *, batch_size: int = BATCH, tell: Tell | None = None
    ) -> tuple[Float32[np.ndarray, "n d"], Sequence[str]]:
        """The encoder's outputs h for all items of a source, with zeros as in ``embed``, and their names."""
        if isinstance(source, str) and is_text(source):
            query = parse_query(self.modality, source)
            source = source if query is None else query
        try:
            items = self.open(source)
        except NothingLeft as nothing:
            if not in_memory(source):
                raise
            warn_of_zeros(nothing.skipped, len(nothing.skipped))
            none = np.zeros((len(nothing.skipped), self.length()), dtype=np.float32)
            return none, [name for name, _ in nothing.skipped]
        h = self.represent(items, batch_size=batch_size, tell=tell)
        return every_row(h, items) if in_memory(source) else (h, items.names)

    def open(self, source: object) -> Items:
        """Open further data; notes on how it was read are logged."""
        items = self.modality.open(source)
        info = info_of(items)
        for note in info.notes:
            LOG.warning("%s", note)
        if info.skipped and not in_memory(source):
            LOG.warning("%d left out; the first is %s: %s", len(info.skipped), *info.skipped[0])
        return items

    def embed_items(self, items: Items, *, batch_size: int = BATCH, tell: Tell | None = None) -> Embeddings:
        """Embed items that are already open."""
        return Embeddings(
            self.directions(items, batch_size=batch_size, tell=tell), list(items.names), self.fingerprint()
        )

    def directions(
        self, items: Items, *, batch_size: int = BATCH, tell: Tell | None = None
    ) -> Float32[np.ndarray, "n d"]:
        """The encoder's outputs h for all items, scaled to length 1."""
        return _unit(self.represent(items, batch_size=batch_size, tell=tell))

    def represent(
        self, items: Items, *, batch_size: int = BATCH, tell: Tell | None = None
    ) -> Float32[np.ndarray, "n d"]:
        """The encoder's outputs h for all items, not normalised; ``InputError`` where some are not finite."""
        self.encoder.eval()
        keep_freed_memory()
        lengths = info_of(items).lengths  # where they differ, items of equal length are encoded together: less padding
        order = np.arange(len(items)) if lengths is None else np.argsort(lengths, kind="stable")
        h = np.empty((0, 0), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(items), batch_size):
                rows = order[start : start + batch_size]
                part = self.encoder(self.modality.inputs(to(items.take(rows), self.device))).float().cpu()
                if start == 0:
                    h = np.empty((len(items), part.shape[1]), dtype=np.float32)
                h[rows] = part.numpy()
                if tell is not None:
                    tell(start + len(rows), len(items))
        require_finite(h, items.names)
        return h

    def length(self) -> int:
        """The width of h; a custom modality must describe its ``encoder_input``."""
        inputs = encoder_input(self.modality)
        if inputs is None:
            raise InputError(f"The modality '{self.modality.name}' does not describe its encoder's input.")
        shape = (1, *(LONG_ENOUGH if length is None else length for length in inputs.axes.values()))
        blank = torch.zeros(shape, dtype=torch.float32 if inputs.words is None else torch.int64)
        with torch.inference_mode():
            return int(self.encoder.eval()(blank.to(self.device)).shape[1])

    def untrained(self, *, seed: int | None = None) -> Model:
        """The same model with untrained weights: the baseline that training has to beat.

        Its weights are the initial ones of its training, or drawn with ``seed`` where one is given. A pretrained
        encoder that was adopted as it is gets random weights. A custom module is reset by its submodules'
        ``reset_parameters``; submodules without one stay as they are.
        """
        encoder = untrained_encoder(self.encoder, self.modality, self.built, seed=seed)
        with torch.random.fork_rng():
            torch.manual_seed(self.built.get("seed", 0) if seed is None else seed)
            head = None if self.head is None else mlp_head(**shape_of_head(self.head))
        return Model(encoder.to(self.device), self.modality, self.built, None if head is None else head.to(self.device))

    def recipe(self) -> Mapping[str, Any]:
        """Defaults for open choices with its network, where that was pretrained."""
        learned = self.built.get("initial_weights") is not None
        return recipe_for(self.modality, str(self.built.get("encoder") or ""), learned=learned)

    def fingerprint(self) -> str:
        """A hash of the weights, recomputed when they change; embeddings carry it, so that models are never mixed."""
        now = stamp(self.encoder)
        if now not in self._digested:
            self._digested.clear()
            self._digested[now] = hashlib.sha256(as_bytes(self.encoder)).hexdigest()
        return self._digested[now]

    def save(self, folder: str | Path) -> Path:
        """Write ``model.safetensors``, ``head.safetensors`` and ``config.json`` atomically; NaN is refused first."""
        require_finite_weights(self.encoder, self.head)
        target, settings, apart = expanded(folder), dict(self.modality.settings()), {}
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


def _unit(h: Float32[np.ndarray, "n d"]) -> Float32[np.ndarray, "n d"]:
    """Scale vectors to length 1, in place; zeros stay zeros."""
    vectors = torch.from_numpy(h)
    return functional.normalize(vectors, dim=1, out=vectors).numpy()
