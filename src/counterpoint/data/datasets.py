"""Map-style datasets and lists of Pillow images: anything with a length and numbered items that are pictures.

An item is a Pillow image or a tensor (c, h, w), alone, first in a tuple (torchvision) or under 'image' in a
dictionary (Hugging Face). Items are fetched once, when they are first taken, and then kept in a temporary file
in the cache folder.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence, Sized
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64, Shaped
from PIL import Image
from torch import Tensor

from counterpoint.data import arrays, deep
from counterpoint.data.decode import fitted, picture_levels
from counterpoint.data.levels import MEASURED, Levels, Scale, kind_of
from counterpoint.data.photos import cache_folder, unkept
from counterpoint.data.subset import spread
from counterpoint.errors import SourceError

IMAGES = ("image", "img", "pixel_values")
LABELS = ("label", "labels", "target", "fine_label")


def is_dataset(source: object) -> bool:
    """Whether this is a dataset, or a list of Pillow images, whose first item is or holds a picture."""
    if isinstance(source, str | bytes | Mapping | np.ndarray | Tensor):
        return False
    if not (isinstance(source, Sized) and hasattr(source, "__getitem__")) or len(source) == 0:
        return False
    if isinstance(source, list | tuple):
        return isinstance(source[0], Image.Image)
    try:
        return _picture(source[0]) is not None
    except (LookupError, TypeError):  # numbers are not what its items are called by
        return False


def shape_of(source: Any, row: int, axis: str = "auto") -> tuple[int, int, int]:
    """(c, h, w) of one picture of a dataset."""
    picture = _found(source, row)
    if isinstance(picture, Image.Image):
        return deep.bands(picture), picture.height, picture.width
    return arrays.shape_of((1, *picture.shape), axis)


def kind(source: Any, row: int) -> str:
    """What the levels of one picture of a dataset are, as in ``levels.KINDS``."""
    picture = _found(source, row)
    return deep.kind(picture) if isinstance(picture, Image.Image) else kind_of(arrays.as_numpy(picture).dtype)


class DatasetItems:
    """Pictures of a dataset at one size, fetched when they are first taken."""

    def __init__(self, source: Any, *, size: tuple[int, int], channels: int, kind: str, axis: str = "auto") -> None:
        self._source, self._size, self._channels, self._axis = source, size, channels, axis
        self.kind = kind
        try:
            cache_folder().mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=cache_folder()) as file:
                self._pixels = np.memmap(file, np.dtype(kind), "w+", shape=(len(source), channels, *size))
        except OSError as wrong:
            raise unkept(wrong) from wrong
        self._fetched = np.zeros(len(source), dtype=bool)
        self.names = arrays.numbered(len(source))
        self.skipped: list[tuple[str, str]] = []
        self.notes: list[str] = []
        self.scale: Scale = torch.from_numpy

    @cached_property
    def labels(self) -> Sequence[Any] | None:
        """What the dataset says about each item; where it says so only item by item, all are fetched."""
        return _labels(self._source)

    def __len__(self) -> int:
        return len(self.names)

    def sample(self) -> Levels:
        """Levels of some pictures, evenly spread."""
        return self.levels(spread(len(self), MEASURED))

    def levels(self, index: Int64[np.ndarray, " b"]) -> Levels:
        """The numbers of some pictures as they are."""
        for row in np.unique(index[~self._fetched[index]]).tolist():
            try:
                self._pixels[row] = self._one(_found(self._source, row))
            except ValueError as wrong:
                if isinstance(wrong, SourceError):
                    raise
                raise SourceError(f"Item {row} of the dataset cannot be used: {wrong}. Mend or drop it.") from wrong
            self._fetched[row] = True
        found: Levels = self._pixels[index]
        return found

    def take(self, index: Int64[np.ndarray, " b"]) -> Shaped[Tensor, "b c h w"]:
        return self.scale(self.levels(index))

    def _one(self, picture: Any) -> Shaped[np.ndarray, "c h w"]:
        if isinstance(picture, Image.Image):
            return picture_levels(picture, self._size, self._channels, self.kind)
        numbers = arrays.channels_first(arrays.as_numpy(picture)[None], self._axis)[0]
        return fitted(numbers, self._size, self._channels, self.kind)


def _picture(item: Any) -> Any | None:
    """The Pillow image or the tensor (c, h, w) that an item is or holds, or None."""
    if isinstance(item, Image.Image) or (arrays.is_array(item) and item.ndim == 3):
        return item
    if isinstance(item, Mapping):
        return next((item[key] for key in IMAGES if key in item and _picture(item[key]) is not None), None)
    if isinstance(item, list | tuple) and len(item) > 0:
        return _picture(item[0])
    return None


def _found(source: Any, row: int) -> Any:
    picture = _picture(source[row])
    if picture is None:
        raise SourceError(
            f"Item {row} of the dataset holds no picture: expected a Pillow image or a tensor (c, h, w), alone, "
            f"first in a tuple or under 'image'. Got {type(source[row]).__name__}."
        )
    return picture


def _labels(source: Any) -> Sequence[Any] | None:
    """Labels of a dataset: a list that it keeps, a column, or the second of what each item is."""
    for name in ("targets", "labels"):
        kept = getattr(source, name, None)
        if isinstance(kept, Sequence | np.ndarray | Tensor) and len(kept) == len(source):
            return _called(np.asarray(kept).tolist(), getattr(source, "classes", None))
    first = source[0]
    if isinstance(first, Mapping):
        return next((_column(source, key) for key in LABELS if key in first), None)
    if isinstance(first, tuple) and len(first) == 2 and np.ndim(first[1]) == 0:
        labels: list[Any] = np.asarray([source[row][1] for row in range(len(source))]).tolist()
        return labels
    return None


def _column(source: Any, key: str) -> Sequence[Any]:
    if not hasattr(source, "features"):
        return [source[row][key] for row in range(len(source))]
    return _called(list(source[key]), getattr(source.features[key], "names", None))


def _called(labels: list[Any], classes: Sequence[str] | None) -> list[Any]:
    """The names of classes in the place of their numbers, where there is one for each."""
    if not isinstance(classes, Sequence) or not all(isinstance(label, int) for label in labels):
        return labels
    fitting = all(isinstance(name, str) for name in classes) and set(labels) <= set(range(len(classes)))
    return [classes[label] for label in labels] if fitting else labels
