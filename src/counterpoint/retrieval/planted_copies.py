"""Evidence about copies from the model and its data: equal items, plain features, content hashes, planted copies.

Plain features are the baselines of evaluation (pixels, TF-IDF, columns): a model is trained to ignore what copies
differ in. They are projected to few dimensions at random, which keeps distances to about 6 % (Johnson & Lindenstrauss
1984).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from counterpoint import rng
from counterpoint.batch import length, split, to
from counterpoint.data.overlap import digests
from counterpoint.data.subset import spread
from counterpoint.interfaces import Batch, Items, Keys
from counterpoint.modality import Hashes, Modality, flat, near_copies
from counterpoint.model import BATCH, Model

PLANTED = 300
"""The number of items that copies are made of."""

DIMENSIONS = 256
"""Dimensions of the projected plain features."""


class Planted(NamedTuple):
    """Copies of some items: the row of the original, the vector, plain features and content hash of each copy."""

    rows: Int64[np.ndarray, " m"]
    vectors: Float32[np.ndarray, "m d"]
    features: Float32[np.ndarray, "m f"]
    hashes: Float32[np.ndarray, "m h"] | None = None


class Evidence(NamedTuple):
    """Evidence about items besides their vectors."""

    first: Int64[np.ndarray, " n"]
    """For every item the first one with equal contents."""
    features: Float32[np.ndarray, "n f"]
    planted: Planted | None
    hashes: Float32[np.ndarray, "n h"] | None = None
    """Content hashes, where the modality has them."""

    def of(self, rows: Int64[np.ndarray, " m"]) -> Evidence:
        """The evidence on some of the items, which include the first of each set of equal ones."""
        place = np.full(len(self.first), -1)
        place[rows] = np.arange(len(rows))
        planted = self.planted
        if planted is not None:
            made_of = place[self.first[planted.rows]]
            kept = made_of >= 0
            hashes = None if planted.hashes is None else planted.hashes[kept]
            planted = Planted(made_of[kept], planted.vectors[kept], planted.features[kept], hashes)
        planted = planted if planted and len(planted.rows) else None
        hashed = None if self.hashes is None else self.hashes[rows]
        return Evidence(np.arange(len(rows)), self.features[rows], planted, hashed)


def evidence(model: Model, items: Items, *others: Items) -> Evidence:
    """Read all items once, and plant copies of some of the first; ``planted`` is None where no copies can be made.

    The items of other sources are numbered behind those of the first.
    """
    modality = model.modality
    contents: list[bytes] = []
    features: list[np.ndarray] = []
    hashes: list[np.ndarray] = []
    projection = torch.empty(0)
    with torch.inference_mode():
        for part in (items, *others):
            for start in range(0, len(part), BATCH):
                rows = np.arange(start, min(start + BATCH, len(part)))
                batch = part.take(rows)
                contents += digests(part, rows, batch)
                view = modality.inputs(batch)
                plain = flat(modality, view)
                projection = projection if features else _projection(plain.shape[1])
                features.append((plain @ projection).numpy())
                hashes += _hashed(modality, view)
        rows = spread(len(items), PLANTED)
        planted = _plant(model, items.take(rows), rows, projection)
    return Evidence(_first(contents), np.concatenate(features), planted, np.concatenate(hashes) if hashes else None)


def equal_rows(vectors: Float32[np.ndarray, "n d"]) -> Int64[np.ndarray, " n"]:
    """For every vector the first equal one.

    >>> equal_rows(np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32)).tolist()
    [0, 1, 0]
    """
    return _first([row.tobytes() for row in vectors])


def _first(digests: Sequence[bytes]) -> Int64[np.ndarray, " n"]:
    place: dict[bytes, int] = {}
    return np.asarray([place.setdefault(each, row) for row, each in enumerate(digests)], dtype=np.int64)


def _plant(model: Model, batch: Batch, rows: Int64[np.ndarray, " m"], projection: Tensor) -> Planted | None:
    keys = Keys(seed=0, epoch=0, step=0, view=0, item=torch.from_numpy(rows))
    vectors, features, hashes = [], [], []
    copies = near_copies(model.modality, batch, keys)
    model.encoder.eval()
    for copy in copies:
        features.append((flat(model.modality, copy) @ projection).numpy())
        hashes += _hashed(model.modality, copy)
        pieces = [
            model.encoder(to(piece, model.device)).float().cpu() for piece in split(copy, -(-length(copy) // BATCH))
        ]
        vectors.append(torch.cat(pieces).numpy())
    if not copies:
        return None
    made_of = np.tile(rows, len(copies))
    return Planted(
        made_of, np.concatenate(vectors), np.concatenate(features), np.concatenate(hashes) if hashes else None
    )


def _hashed(modality: Modality, view: Batch) -> list[np.ndarray]:
    """The content hashes of a batch, where the modality has them."""
    return [modality.content_hash(view)] if isinstance(modality, Hashes) else []


def _projection(width: int) -> Tensor:
    """A random projection (width, DIMENSIONS); the identity, padded with zeros, where width is not larger."""
    if width <= DIMENSIONS:
        return torch.eye(width, DIMENSIONS)
    key = rng.keys(seed=0, epoch=0, items=torch.arange(width), view=0)
    drawn: Tensor = rng.normal(key, DIMENSIONS, "project") / DIMENSIONS**0.5
    return drawn
