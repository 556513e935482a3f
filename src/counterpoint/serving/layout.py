"""The layout of the map: t-SNE of evenly spaced landmarks, and every other item interpolated between its nearest ones.

    x_i = sum_j w_ij x_j / sum_j w_ij,    w_ij = exp((s_ij - max_j s_ij) / T),    j over the 5 landmarks nearest to i

with the cosine similarity s and T = 0.03. So 100,000 items take the time of t-SNE of 2,000 and of one matrix product.
"""

from __future__ import annotations

import hashlib
import logging
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32

from counterpoint.data.subset import spread
from counterpoint.errors import RunError
from counterpoint.reports.map import MOST, flattened
from counterpoint.runs.locks import locked
from counterpoint.storage.files import replacing
from counterpoint.storage.limits import require_zip

LOG = logging.getLogger("counterpoint")

FILE = "map.npz"
"""The cached layout, in the folder of the index or the run."""

NEAREST, TEMPERATURE, BLOCK = 5, 0.03, 2**22
"""Landmarks that an item is interpolated between, T, and similarities that are in memory at once."""

DIGESTED = 4096
"""Vectors in the digest by which a cached layout is recognised."""

Places = Float32[np.ndarray, "n 2"]


class Layout(NamedTuple):
    """The place of every item, from 0 to 1 along the longer side, and the name of the method."""

    places: Places
    method: str


def compute_layout(vectors: Float32[np.ndarray, "n d"]) -> Layout:
    """The layout of unit vectors."""
    landmarks = spread(len(vectors), MOST)
    flat, method = flattened(np.asarray(vectors[landmarks]))
    places = flat if len(landmarks) == len(vectors) else _interpolated(vectors, vectors[landmarks], flat)
    places[landmarks] = flat
    low = places.min(axis=0, initial=np.inf)
    side = max(float((places - low).max(initial=0.0)), 1e-12)
    return Layout(((places - low) / side).astype(np.float32), method)


def _interpolated(
    vectors: Float32[np.ndarray, "n d"], landmarks: Float32[np.ndarray, "m d"], flat: Float32[np.ndarray, "m 2"]
) -> Places:
    places = np.empty((len(vectors), 2), dtype=np.float32)
    landmarks_t, landmark_places = torch.from_numpy(np.ascontiguousarray(landmarks)).T, torch.from_numpy(flat)
    step = max(1, BLOCK // len(landmarks))
    for start in range(0, len(vectors), step):
        block = torch.from_numpy(np.array(vectors[start : start + step]))
        near = (block @ landmarks_t).topk(min(NEAREST, len(landmarks)), dim=1)
        weight = ((near.values - near.values[:, :1]) / TEMPERATURE).exp()
        weight /= weight.sum(dim=1, keepdim=True)
        places[start : start + step] = (weight[..., None] * landmark_places[near.indices]).sum(dim=1).numpy()
    return places


def cached_layout(vectors: Float32[np.ndarray, "n d"], folder: Path | None) -> Layout:
    """The layout of unit vectors, read from a folder if it was stored there, and stored otherwise."""
    if folder is None:
        return compute_layout(vectors)
    digest, file = _digest(vectors), folder / FILE
    cached = _read(file, digest, len(vectors))
    if cached is not None:
        return cached
    layout = compute_layout(vectors)
    try:
        with locked(folder), replacing(file) as temporary, temporary.open("wb") as opened:
            np.savez(opened, places=layout.places, method=layout.method, digest=digest)
    except (RunError, OSError) as error:  # another process writes there, or the folder is read-only
        LOG.warning("The layout of the map is not stored, so the next start computes it again: %s", error)
    return layout


def _digest(vectors: Float32[np.ndarray, "n d"]) -> str:
    sample = np.ascontiguousarray(vectors[spread(len(vectors), DIGESTED)])
    return hashlib.sha256(f"{vectors.shape}".encode() + sample.tobytes()).hexdigest()


def _read(file: Path, digest: str, count: int) -> Layout | None:
    """The layout in a file; None if the file is absent, damaged, or of other vectors."""
    try:
        require_zip(file)
        with np.load(file, allow_pickle=False) as archive:
            if str(archive["digest"]) != digest:
                return None
            layout = Layout(archive["places"], str(archive["method"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    fits = layout.places.shape == (count, 2) and layout.places.dtype == np.float32 and np.isfinite(layout.places).all()
    return layout if fits else None
