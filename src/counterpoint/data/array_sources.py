"""Sources of pictures as numeric arrays: arrays, tensors, samples, .npy, .npz and IDX files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.data import arrays, idx, samples
from counterpoint.data.paths import existing
from counterpoint.errors import SourceError

CHANNELS = (1, 3, 4)
"""The lengths of a last axis that are clearly channels."""

SMALLEST = 8
"""Side below which an array is not taken for one picture."""


def read_pictures(source: object, labels: Any = None) -> tuple[arrays.Pictures, Any]:
    """The pictures of a source that holds them as numbers, and their labels: those given, or its own."""
    if arrays.is_array(source):
        return _several(arrays.as_numpy(source), labels), labels  # type: ignore[arg-type]
    if isinstance(source, str) and source.startswith("sample:"):
        return samples.read_sample(source)
    if isinstance(source, str | Path):
        path = existing(source)
        images = idx.pictures_in(path) if path.is_dir() else path
        if images is not None and idx.is_idx(images):
            labels = idx.labels_beside(images)
            return idx.read_idx(images), None if labels is None else labels.tolist()
        if path.suffix.lower() in arrays.SUFFIXES:
            pixels, held = arrays.read_arrays(path)
            return _several(pixels, held), held
    raise SourceError(
        "Pictures come from a folder, an archive, a list, a pattern or a column of paths, a column of encoded "
        "pictures, an .npy, .npz or IDX file, an array, a tensor, a list of pictures, a dataset or an iterator. "
        f"Got {_described(source)}."
    )


def _several(pixels: np.ndarray, labels: Any) -> np.ndarray:
    """An array of pictures, whose number labels confirm; a single picture in colour (h, w, c) becomes an array of one.

    Raises:
        SourceError: It is unclear whether the array is one picture or something else.
    """
    shape = pixels.shape
    if labels is not None and len(labels) == len(pixels):
        return pixels
    if len(shape) == 3 and shape[2] in CHANNELS and min(shape[:2]) >= SMALLEST:
        return pixels[None]
    if len(shape) == 3 and shape[0] == 3 and min(shape[1:]) >= SMALLEST:
        raise SourceError(
            f"An array {shape} may be one picture in colour or three in grey. Give array[None] for one, or "
            "array[:, None] for three."
        )
    if len(shape) == 2 and min(shape) >= SMALLEST:
        raise SourceError(
            f"An array {shape} may be one picture in grey or a table. Give array[None] for one picture; pictures are "
            "(n, h, w), (n, h, w, c) or (n, c, h, w)."
        )
    return pixels


def _described(source: object) -> str:
    return f"'{source}'" if isinstance(source, str | Path) else f"a {type(source).__name__}"
