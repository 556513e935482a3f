"""Where items lie on the map: t-SNE of evenly spread items, and all others between the ones they are most alike to.

    x_i = sum_j w_ij x_j / sum_j w_ij,    w_ij = exp((s_ij - max_j s_ij) / T),    j in the 5 landmarks most alike to i

with the cosine similarity s and T = 0.03. So 100,000 items take the time of 2,000 and one product.
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
"""The map beside an index or a run, so that it is made once."""

NEAR, TEMPERATURE, BLOCK = 5, 0.03, 2**22
"""Landmarks an item lies between; how soon their pull fades; similarities that are held at once."""

DIGESTED = 4096
"""Vectors by which a map is known to be of the same ones."""

Places = Float32[np.ndarray, "n 2"]


class Layout(NamedTuple):
    """The place of every item, from 0 to 1 along the longer side, and what made them."""

    places: Places
    method: str


def laid_out(vectors: Float32[np.ndarray, "n d"]) -> Layout:
    """The map of some unit vectors, made anew."""
    landmarks = spread(len(vectors), MOST)
    flat, method = flattened(np.asarray(vectors[landmarks]))
    places = flat if len(landmarks) == len(vectors) else _between(vectors, vectors[landmarks], flat)
    places[landmarks] = flat
    low = places.min(axis=0, initial=np.inf)
    side = max(float((places - low).max(initial=0.0)), 1e-12)
    return Layout(((places - low) / side).astype(np.float32), method)


def _between(
    vectors: Float32[np.ndarray, "n d"], landmarks: Float32[np.ndarray, "m d"], flat: Float32[np.ndarray, "m 2"]
) -> Places:
    places = np.empty((len(vectors), 2), dtype=np.float32)
    marks, there = torch.from_numpy(np.ascontiguousarray(landmarks)).T, torch.from_numpy(flat)
    step = max(1, BLOCK // len(landmarks))
    for start in range(0, len(vectors), step):
        block = torch.from_numpy(np.array(vectors[start : start + step]))
        near = (block @ marks).topk(min(NEAR, len(landmarks)), dim=1)
        weight = ((near.values - near.values[:, :1]) / TEMPERATURE).exp()
        weight /= weight.sum(dim=1, keepdim=True)
        places[start : start + step] = (weight[..., None] * there[near.indices]).sum(dim=1).numpy()
    return places


def kept_layout(vectors: Float32[np.ndarray, "n d"], folder: Path | None) -> Layout:
    """The map of some vectors as it lies in a folder, or made anew and left there."""
    if folder is None:
        return laid_out(vectors)
    digest, file = _digest(vectors), folder / FILE
    known = _read(file, digest, len(vectors))
    if known is not None:
        return known
    layout = laid_out(vectors)
    try:
        with locked(folder), replacing(file) as temporary, temporary.open("wb") as opened:
            np.savez(opened, places=layout.places, method=layout.method, digest=digest)
    except (RunError, OSError) as wrong:  # somebody else writes there, or nobody may: it is made anew next time
        LOG.warning("The map is not kept: %s", wrong)
    return layout


def _digest(vectors: Float32[np.ndarray, "n d"]) -> str:
    some = np.ascontiguousarray(vectors[spread(len(vectors), DIGESTED)])
    return hashlib.sha256(f"{vectors.shape}".encode() + some.tobytes()).hexdigest()


def _read(file: Path, digest: str, count: int) -> Layout | None:
    """The map in a file, where it is of these vectors; None of another, or where the file is none."""
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
