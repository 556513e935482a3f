"""Pictures as numeric arrays: NumPy arrays, tensors, .npy and .npz files, in any order of their axes.

    (n, h, w)  (n, h, w, c)  (n, c, h, w)      any c; bytes, or deeper numbers whose range is in ``value_range``

Only items that are taken are converted, so that files may be larger than memory.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64, Shaped
from torch import Tensor

from counterpoint.data.paths import existing
from counterpoint.data.subset import spread
from counterpoint.data.value_range import MEASURED, Levels, Scale, kind_of, recoloured
from counterpoint.errors import SourceError, counted, listed
from counterpoint.interfaces import ItemsInfo
from counterpoint.storage.limits import require_zip
from counterpoint.storage.reading_errors import door

Pictures = Shaped[np.ndarray, "n *axes"]

SUFFIXES = (".npy", ".npz")
NAMES = {"images": "labels", "x": "y", "data": "labels", "x_train": "y_train", "train_images": "train_labels"}
"""Names of pictures in an .npz, in order of preference, with the names of their labels."""

BLOCK = 1 << 24
"""Values that are checked at a time."""

DAMAGE = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
"""Exceptions of NumPy and zipfile for damaged files."""


def is_array(source: object) -> bool:
    """Whether this is a NumPy array or a tensor."""
    return isinstance(source, np.ndarray | Tensor)


def are_pictures(shape: Sequence[int], kind: np.dtype[Any]) -> bool:
    """Whether an array of this shape and type clearly holds pictures, not series.

    >>> are_pictures((60000, 28, 28), np.dtype("uint8")), are_pictures((500, 3, 128), np.dtype("float32"))
    (True, False)
    """
    if kind.kind not in "buif":
        return False
    square = len(shape) == 3 and shape[1] == shape[2] >= 8
    return len(shape) == 4 or (len(shape) == 3 and (kind == np.uint8 or square))


def shapes_in(path: Path) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """The shape and type of every array in an .npy (under the name "") or .npz, from the headers alone."""
    if path.suffix.lower() == ".npy":
        with path.open("rb") as file:
            return {"": _header(file)}
    with zipfile.ZipFile(path) as packed:
        result = {}
        for name in packed.namelist():
            with packed.open(name) as member:
                result[name.removesuffix(".npy")] = _header(member)
        return result


def _header(file: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, kind = reader(file)
    return shape, kind


@door
def read_arrays(path: str | Path) -> tuple[Pictures, Sequence[Any] | None]:
    """The pictures of an .npy (memory-mapped) or .npz, and their labels where an .npz has them."""
    file = existing(path)
    try:
        if file.suffix.lower() == ".npy":
            return np.load(file, mmap_mode="r", allow_pickle=False), None
        require_zip(file)
        shapes = shapes_in(file)
        name = _picked(shapes, path)
        label = next((each for each in shapes if each.lower() == NAMES.get(name.lower(), "labels")), None)
        with np.load(file, allow_pickle=False) as packed:
            pictures = packed[name]
            labels = None if label is None else packed[label].squeeze()
    except SourceError:
        raise
    except DAMAGE as wrong:
        raise SourceError(
            f"'{path}' cannot be read: {wrong}. It is damaged, or holds objects where numbers were expected; "
            "write it again with numpy.save or numpy.savez."
        ) from wrong
    return pictures, labels.tolist() if labels is not None and labels.shape == pictures.shape[:1] else None


def _picked(shapes: dict[str, tuple[tuple[int, ...], np.dtype[Any]]], path: str | Path) -> str:
    """The array named as pictures, or the only one that looks like pictures."""
    for name in NAMES:
        for each in shapes:
            if each.lower() == name:
                return each
    result = [name for name, (shape, kind) in shapes.items() if are_pictures(shape, kind)]
    if len(result) != 1:
        held = listed(f"{name} {shape} {kind}" for name, (shape, kind) in shapes.items())
        raise SourceError(f"'{path}' should hold one array of pictures, or call it 'images'. It holds {held}.")
    return result[0]


class ArrayItems:
    """Pictures in an array (n, c, h, w), converted when they are taken: bytes, or floats in [0, 1]."""

    def __init__(self, pixels: Pictures, *, channels: int, labels: Sequence[Any] | None) -> None:
        self._pixels, self._channels = pixels, channels
        self.names = numbered(len(pixels))
        self.labels = labels
        self.skipped: list[tuple[str, str]] = []
        self.notes: list[str] = []
        self.kind = kind_of(pixels.dtype)
        self.scale: Scale = torch.from_numpy

    @property
    def info(self) -> ItemsInfo:
        """The metadata of their source."""
        return ItemsInfo(skipped=self.skipped, notes=self.notes)

    def __len__(self) -> int:
        return len(self._pixels)

    def __getitem__(self, row: int) -> Shaped[np.ndarray, "c h w"]:
        picture: Shaped[np.ndarray, "c h w"] = self.levels(np.array([row]))[0]
        return picture

    def sample(self) -> Levels:
        """Pixel values of some pictures, evenly spread."""
        return self.levels(spread(len(self), MEASURED))

    def levels(self, index: Int64[np.ndarray, " b"]) -> Levels:
        """The original values of some pictures."""
        block: Levels = np.ascontiguousarray(self._pixels[index])
        if block.dtype == np.bool_:
            block = block.view(np.uint8) * np.uint8(255)
        return recoloured(block, self._channels)

    def take(self, index: Int64[np.ndarray, " b"]) -> Shaped[Tensor, "b c h w"]:
        return self.scale(self.levels(index))


def open_arrays(
    source: np.ndarray | Tensor,
    *,
    channels: int,
    labels: Sequence[Any] | None = None,
    axis: str = "auto",
) -> ArrayItems:
    """Check an array of pictures once, completely, and open it.

    Raises:
        SourceError: It has no pictures, another number of axes, or values that are not finite.
    """
    pixels = channels_first(as_numpy(source), axis)
    present = pixels.shape[1]
    if channels != present and {channels, present} != {1, 3}:
        raise SourceError(f"The pictures have {present} channels; {channels} were expected. Convert them first.")
    check_numbers(pixels)
    return ArrayItems(pixels, channels=channels, labels=labels)


def as_numpy(source: np.ndarray | Tensor) -> Pictures:
    """An array or tensor as a NumPy array, without a copy where possible."""
    if isinstance(source, Tensor):
        held = source.detach().cpu()
        return held.float().numpy() if held.dtype == torch.bfloat16 else held.numpy()
    return source


def shape_of(shape: Sequence[int], axis: str = "auto") -> tuple[int, int, int]:
    """(c, h, w) of the pictures in an array of this shape.

    The channel axis is the second or the last, as ``axis`` says (first, last); else the one that differs from the third
    where two axes are equal, and else the shorter of both.

    >>> shape_of((10, 28, 28)), shape_of((10, 32, 48, 3)), shape_of((10, 3, 32, 48)), shape_of((10, 40, 32, 32))
    ((1, 28, 28), (3, 32, 48), (3, 32, 48), (40, 32, 32))
    """
    if len(shape) not in (3, 4) or 0 in shape:
        raise SourceError(
            f"Pictures have the shape (n, h, w), (n, h, w, c) or (n, c, h, w), with one of each at least. "
            f"Got {tuple(shape)}."
        )
    if len(shape) == 3:
        return 1, shape[1], shape[2]
    return (shape[3], shape[1], shape[2]) if _last(shape, axis) else (shape[1], shape[2], shape[3])


def _last(shape: Sequence[int], axis: str) -> bool:
    """Whether the channels are the last axis."""
    if axis != "auto":
        return axis == "last"
    if (shape[1] == shape[2]) != (shape[2] == shape[3]):
        return shape[1] == shape[2]
    return shape[3] < shape[1]


def channels_first(pixels: Pictures, axis: str = "auto") -> Shaped[np.ndarray, "n c h w"]:
    """The same pictures as (n, c, h, w), without a copy."""
    shape_of(pixels.shape, axis)
    if pixels.ndim == 3:
        return pixels[:, None]
    return np.moveaxis(pixels, 3, 1) if _last(pixels.shape, axis) else pixels


def numbered(count: int) -> list[str]:
    """Names for items without one, which sort in the order of the items.

    >>> numbered(11)[-2:]
    ['09', '10']
    """
    return [str(number).zfill(len(str(count - 1))) for number in range(count)]


def check_numbers(pixels: Pictures) -> None:
    """Check every value once; raise ``SourceError`` where some are not finite."""
    if pixels.dtype.kind not in "buif":
        raise SourceError(
            f"Pictures are arrays of numbers. Got an array of {pixels.dtype}: are all pictures of one size and type?"
        )
    if pixels.dtype.kind != "f":
        return
    wrong, first = 0, -1
    rows = max(1, BLOCK // pixels[0].size)
    for start in range(0, len(pixels), rows):
        broken = ~np.isfinite(np.asarray(pixels[start : start + rows]))
        if broken.any():
            first = start + int(np.argmax(broken.reshape(len(broken), -1).any(axis=1))) if first < 0 else first
            wrong += int(broken.sum())
    if wrong:
        raise SourceError(
            f"{counted(wrong, 'number is', 'numbers are')} NaN or infinite, first in picture {first}. Mend or drop "
            "such values."
        )
