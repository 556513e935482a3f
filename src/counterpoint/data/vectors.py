"""Vectors from any source: an array, a tensor, embeddings, or a file; with names and labels if it has any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from counterpoint.data.arrays import as_numpy, numbered
from counterpoint.embeddings import Embeddings, is_saved
from counterpoint.errors import SourceError, listed
from counterpoint.interfaces import ItemsInfo
from counterpoint.storage.files import expanded, is_file
from counterpoint.storage.limits import require_zip
from counterpoint.storage.reading_errors import door

SUFFIXES = (".npy", ".npz")
NAMES = ("vectors", "embeddings", "features", "representations", "x", "h", "z")
LABELS = ("labels", "label", "y", "targets")
"""Names of vectors and labels in an .npz, in order of preference."""


@dataclass(frozen=True)
class Rows:
    """The rows of vectors as items; ``take`` returns their indices."""

    names: Sequence[str]
    labels: Sequence[Any] | None = None
    groups: Sequence[str] | None = None

    @property
    def info(self) -> ItemsInfo:
        """Their saved metadata."""
        return ItemsInfo(groups=self.groups)

    def __len__(self) -> int:
        return len(self.names)

    def take(self, index: Int64[np.ndarray, " b"]) -> Int64[Tensor, " b"]:
        return torch.from_numpy(np.asarray(index, dtype=np.int64))


@dataclass(frozen=True)
class Vectors:
    """Vectors (n, d), their rows, and their source as flat features, where that was given."""

    vectors: Float32[np.ndarray, "n d"]
    rows: Rows
    raw: Float32[np.ndarray, "n k"] | None = None

    @property
    def content(self) -> Float32[np.ndarray, "n k"]:
        """The contents by which items are compared: their source, or else the vectors themselves."""
        return self.vectors if self.raw is None else self.raw


def is_vectors(source: object) -> bool:
    """Whether these are vectors, or the path of a file of them, and not a model.

    >>> is_vectors(np.zeros((2, 3))), is_vectors("vectors.npz"), is_vectors("runs/photos")
    (True, True, False)
    """
    if isinstance(source, str | Path):
        named = Path(source).suffix.lower() in SUFFIXES
        return named or (is_saved(source) and not (expanded(source) / "config.json").exists())  # a run may contain some
    return isinstance(source, np.ndarray | Tensor | Embeddings)


@door
def read_vectors(source: object) -> Vectors:
    """Vectors (n, d) float32 with their names and labels, if any.

    Raises:
        SourceError: It is not an array of numbers (n, d), or the file holds none or several.
    """
    if isinstance(source, str | Path):
        if is_saved(source):
            source = Embeddings.load(source)
        else:
            return _in_file(expanded(source))
    if isinstance(source, Embeddings):
        return Vectors(source.vectors, Rows(list(source.names), groups=source.groups))
    if not isinstance(source, np.ndarray | Tensor):
        raise SourceError(
            f"Vectors are an array, a tensor, embeddings, or a file of them. Got {type(source).__name__}."
        )
    return _checked(as_numpy(source), None)


def _in_file(file: Path) -> Vectors:
    """The vectors in an .npy, or in an .npz under one of the usual names or as the only array."""
    if not is_file(file):
        raise SourceError(f"There is no file '{file}'. Give the path of an .npz or .npy file of vectors.")
    if file.suffix.lower() == ".npz":
        require_zip(file)
    try:
        result = np.load(file, allow_pickle=False)
        if isinstance(result, np.ndarray):
            held = {NAMES[0]: result}
        else:
            with result:
                held = {name: result[name] for name in result.files}
    except (OSError, ValueError, EOFError) as wrong:
        raise SourceError(
            f"'{file}' holds no vectors that can be read: {wrong}. Write them with numpy.savez."
        ) from wrong
    flat = [name for name, each in held.items() if each.ndim == 2 and each.dtype.kind in "fiu"]
    name = next((each for each in NAMES if each in held), flat[0] if len(flat) == 1 else None)
    if name is None:
        raise SourceError(f"'{file}' holds no array 'vectors' (n, d). It holds {listed(held)}.")
    named = next((held[each] for each in LABELS if each in held), None)
    return _checked(held[name], None if named is None else named.tolist())


def _checked(array: np.ndarray, labels: Sequence[Any] | None) -> Vectors:
    if array.ndim != 2 or array.dtype.kind not in "fiu" or 0 in array.shape:
        raise SourceError(f"Vectors are numbers of the shape (n, d). Got {array.dtype} of the shape {array.shape}.")
    return Vectors(np.ascontiguousarray(array, dtype=np.float32), Rows(numbered(len(array)), labels))
