"""Evidence about copies from the model and its data: equal items, plain features, and planted copies.

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
from counterpoint.modality import flat, near_copies
from counterpoint.model import BATCH, Model

PLANTED = 300
"""The number of items that copies are made of."""

DIMENSIONS = 256
"""Dimensions of the projected plain features."""


class Planted(NamedTuple):
    """Copies of some items: the row of the original, the vector and the plain features of each copy."""

    rows: Int64[np.ndarray, " m"]
    vectors: Float32[np.ndarray, "m d"]
    features: Float32[np.ndarray, "m f"]


class Evidence(NamedTuple):
    """Evidence about items besides their vectors."""

    first: Int64[np.ndarray, " n"]
    """For every item the first one with equal contents."""
    features: Float32[np.ndarray, "n f"]
    planted: Planted | None

    def of(self, rows: Int64[np.ndarray, " m"]) -> Evidence:
        """The evidence on some of the items, which include the first of each set of equal ones."""
        place = np.full(len(self.first), -1)
        place[rows] = np.arange(len(rows))
        planted = self.planted
        if planted is not None:
            made_of = place[self.first[planted.rows]]
            there = made_of >= 0
            planted = Planted(made_of[there], planted.vectors[there], planted.features[there])
        return Evidence(np.arange(len(rows)), self.features[rows], planted if planted and len(planted.rows) else None)


def evidence(model: Model, items: Items) -> Evidence:
    """Read all items once, and plant copies of some; ``planted`` is None where no copies can be made."""
    modality = model.modality
    hashes: list[bytes] = []
    features, projection = np.empty((len(items), DIMENSIONS), dtype=np.float32), torch.empty(0)
    with torch.inference_mode():
        for start in range(0, len(items), BATCH):
            rows = np.arange(start, min(start + BATCH, len(items)))
            batch = items.take(rows)
            hashes += digests(items, rows, batch)
            plain = flat(modality, modality.inputs(batch))
            projection = projection if start else _projection(plain.shape[1])
            features[rows] = (plain @ projection).numpy()
        rows = spread(len(items), PLANTED)
        planted = _plant(model, items.take(rows), rows, projection)
    return Evidence(_first(hashes), features, planted)


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
    vectors, features = [], []
    copies = near_copies(model.modality, batch, keys)
    model.encoder.eval()
    for copy in copies:
        features.append((flat(model.modality, copy) @ projection).numpy())
        pieces = [
            model.encoder(to(piece, model.device)).float().cpu() for piece in split(copy, -(-length(copy) // BATCH))
        ]
        vectors.append(torch.cat(pieces).numpy())
    return Planted(np.tile(rows, len(copies)), np.concatenate(vectors), np.concatenate(features)) if copies else None


def _projection(width: int) -> Tensor:
    """A random projection (width, DIMENSIONS); the identity, padded with zeros, where width is not larger."""
    if width <= DIMENSIONS:
        return torch.eye(width, DIMENSIONS)
    key = rng.keys(seed=0, epoch=0, items=torch.arange(width), view=0)
    drawn: Tensor = rng.normal(key, DIMENSIONS, "project") / DIMENSIONS**0.5
    return drawn
