"""Pictures that are numbers already: NumPy arrays, tensors, .npy and .npz files, whatever the order of their axes.

    (n, h, w)  (n, h, w, c)  (n, c, h, w)      uint8, or other integers or floats in [0, 1], [0, 255] or 16 bits

Nothing is converted but the items that are taken, so that files may be larger than memory.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64, Shaped, UInt8
from torch import Tensor

from counterpoint.data.paths import existing
from counterpoint.errors import SourceError, listed

Pictures = Shaped[np.ndarray, "n *axes"]

SUFFIXES = (".npy", ".npz")
NAMES = {"images": "labels", "x": "y", "data": "labels", "x_train": "y_train", "train_images": "train_labels"}
"""What pictures are called in an .npz, in the order of preference, and what their labels are called then."""

BLOCK = 1 << 24
"""Numbers that are checked at a time."""

SLACK = 0.01
"""How far beyond full brightness or black, as a share, what resizing with overshoot leaves may lie."""

DAMAGE = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error)
"""What NumPy and zipfile raise over damaged files."""


def is_array(source: object) -> bool:
    """Whether this is a NumPy array or a tensor."""
    return isinstance(source, np.ndarray | Tensor)


def are_pictures(shape: Sequence[int], kind: np.dtype[Any]) -> bool:
    """Whether an array of this shape and type is plainly one of pictures, and not of series.

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
        found = {}
        for name in packed.namelist():
            with packed.open(name) as member:
                found[name.removesuffix(".npy")] = _header(member)
        return found


def _header(file: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, kind = reader(file)
    return shape, kind


def read_arrays(path: str | Path) -> tuple[Pictures, Sequence[Any] | None]:
    """The pictures of an .npy (mapped, not read) or .npz, and their labels where an .npz has them."""
    file = existing(path)
    try:
        if file.suffix.lower() == ".npy":
            return np.load(file, mmap_mode="r", allow_pickle=False), None
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
    """The array that is called like pictures, or the only one that looks like them."""
    for name in NAMES:
        for each in shapes:
            if each.lower() == name:
                return each
    found = [name for name, (shape, kind) in shapes.items() if are_pictures(shape, kind)]
    if len(found) != 1:
        held = listed(f"{name} {shape} {kind}" for name, (shape, kind) in shapes.items())
        raise SourceError(f"'{path}' should hold one array of pictures, or call it 'images'. It holds {held}.")
    return found[0]


class ArrayItems:
    """Pictures in an array, converted when they are taken: (b, c, h, w) uint8."""

    def __init__(self, pixels: Pictures, *, channels: int, bound: float, labels: Sequence[Any] | None) -> None:
        self._pixels, self._channels, self._bound = pixels, channels, bound
        self.names = numbered(len(pixels))
        self.labels = labels
        self.skipped: list[tuple[str, str]] = []

    def __len__(self) -> int:
        return len(self._pixels)

    def take(self, index: Int64[np.ndarray, " b"]) -> UInt8[Tensor, "b c h w"]:
        return recoloured(to_pixels(self._pixels[index], self._bound), self._channels)


def open_arrays(source: np.ndarray | Tensor, *, channels: int, labels: Sequence[Any] | None = None) -> ArrayItems:
    """Check an array of pictures once, from end to end, and open it.

    Raises:
        SourceError: It has no pictures, another number of axes, or numbers that are no brightness.
    """
    pixels = as_numpy(source)
    given = shape_of(pixels.shape)[0]
    if channels != given and {channels, given} != {1, 3}:
        raise SourceError(f"The pictures have {given} channels; {channels} were expected. Convert them first.")
    return ArrayItems(pixels, channels=channels, bound=_bound(pixels), labels=labels)


def as_numpy(source: np.ndarray | Tensor) -> Pictures:
    """An array or tensor as NumPy sees it, without a copy where that is possible."""
    if isinstance(source, Tensor):
        held = source.detach().cpu()
        return held.float().numpy() if held.dtype == torch.bfloat16 else held.numpy()
    return source


def shape_of(shape: Sequence[int]) -> tuple[int, int, int]:
    """(c, h, w) of the pictures in an array of this shape; the shorter of the second and last axis is the channels.

    >>> shape_of((10, 28, 28)), shape_of((10, 32, 48, 3)), shape_of((10, 3, 32, 48))
    ((1, 28, 28), (3, 32, 48), (3, 32, 48))
    """
    if len(shape) not in (3, 4) or 0 in shape:
        raise SourceError(
            f"Pictures have the shape (n, h, w), (n, h, w, c) or (n, c, h, w), with one of each at least. "
            f"Got {tuple(shape)}."
        )
    if len(shape) == 3:
        return 1, shape[1], shape[2]
    return (shape[3], shape[1], shape[2]) if shape[3] < shape[1] else (shape[1], shape[2], shape[3])


def to_pixels(block: Pictures, bound: float) -> UInt8[Tensor, "b c h w"]:
    """Some pictures as uint8, where ``bound`` is full brightness: 1, 255 or 65,535."""
    if block.dtype != np.uint8:
        block = (block.astype(np.float32).clip(0, bound) * (255 / bound) + 0.5).astype(np.uint8)
    pixels = torch.from_numpy(np.ascontiguousarray(block))
    if pixels.ndim == 3:
        return pixels[:, None]
    last = pixels.shape[3] < pixels.shape[1]
    return pixels.permute(0, 3, 1, 2).contiguous() if last else pixels


def recoloured(pixels: UInt8[Tensor, "b c h w"], channels: int) -> UInt8[Tensor, "b k h w"]:
    """Grey as colour, or colour as grey with the weights of ITU-R BT.601, as Pillow does it."""
    given = pixels.shape[1]
    if given == channels:
        return pixels
    if given == 1:
        return pixels.expand(-1, channels, -1, -1).contiguous()
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    return (pixels.float() * weights).sum(dim=1, keepdim=True).round().to(torch.uint8)


def numbered(count: int) -> list[str]:
    """Names for items that have none, which sort as the items stand.

    >>> numbered(11)[-2:]
    ['09', '10']
    """
    return [str(number).zfill(len(str(count - 1))) for number in range(count)]


def bound_of(low: float, high: float) -> float:
    """Full brightness, judged by the darkest and the brightest number: 1, 255 or 65,535."""
    bound = next((bound for bound in (1.0, 255.0, 65535.0) if high <= bound * (1 + SLACK)), None)
    if bound is None or low < -SLACK * high:
        raise SourceError(
            f"Pictures hold numbers in [0, 1], [0, 255] or [0, 65535]. These go from {low:g} to {high:g}; "
            "undo the normalisation, or scale them into one of these ranges."
        )
    return bound


def _bound(pixels: Pictures) -> float:
    """Full brightness, after a look at every number."""
    if pixels.dtype.kind not in "buif":
        raise SourceError(
            f"Pictures are arrays of numbers. Got an array of {pixels.dtype}: are all pictures of one size and type?"
        )
    if pixels.dtype == np.uint8:
        return 255.0
    low, high, wrong, first = np.inf, -np.inf, 0, -1
    rows = max(1, BLOCK // pixels[0].size)
    for start in range(0, len(pixels), rows):
        block = np.asarray(pixels[start : start + rows])
        broken = ~np.isfinite(block)
        if broken.any():
            first = start + int(np.argmax(broken.reshape(len(block), -1).any(axis=1))) if first < 0 else first
            wrong += int(broken.sum())
        else:
            low, high = min(low, float(block.min())), max(high, float(block.max()))
    if wrong:
        raise SourceError(
            f"{wrong:,} of the numbers are NaN or infinite, first in picture {first}. Mend or drop those."
        )
    return _whole(bound_of(low, high), pixels.dtype)


def _whole(bound: float, kind: np.dtype[Any]) -> float:
    """Whole numbers other than truth values count to 255 at least, however dark the pictures are."""
    return bound if kind.kind in "fb" else max(bound, 255.0)
