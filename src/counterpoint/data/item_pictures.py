"""The contents of a dataset's item: a picture and optionally a label, alone, in a tuple or under a key.

A picture is a Pillow image, an array or a tensor (h, w), (h, w, c) or (c, h, w), the bytes of a .jpg or .png, the
path of one, or a pair {bytes, path} in Hugging Face's format.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Shaped
from PIL import Image
from torch import Tensor

from counterpoint.data import arrays, high_bit_depth
from counterpoint.data.column_names import LABELS, PICTURES, preferred
from counterpoint.data.decode import Header, fitted, header, is_picture_name, levels_in, picture_levels, reason
from counterpoint.data.skipped_items import Say
from counterpoint.data.value_range import kind_of
from counterpoint.errors import CounterpointError, SourceError, closest, listed
from counterpoint.preprocessing import Preprocessing
from counterpoint.storage.files import expanded, is_file

Picture = Image.Image | np.ndarray | Tensor | bytes
"""A picture; bytes are an encoded file."""

STORED = {"bytes", "path"}
"""The keys of an encoded picture in Hugging Face's format."""

SMALLEST = 8
"""Side below which a square array of floats is not taken for a picture."""

EXPECTED = "expected a Pillow image, an array (h, w), (h, w, c) or (c, h, w), or the bytes or the path of a photo"


class Broken(NamedTuple):
    """Replaces an item that cannot be fetched."""

    reason: str


def picture_of(value: Any) -> Picture | None:
    """The picture in a value, or None; bytes are not examined."""
    if isinstance(value, Image.Image):
        return value
    if arrays.is_array(value):
        numeric = isinstance(value, Tensor) or value.dtype.kind in "buif"
        return value if numeric and value.ndim in (2, 3) and 0 not in value.shape else None
    if isinstance(value, Mapping) and value and set(value) <= STORED:
        data, path = value.get("bytes"), value.get("path")
        if data is None and not path:
            return None
        return bytes(data) if data is not None else expanded(str(path)).read_bytes()
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, str | Path) and is_picture_name(Path(value).name) and is_file(value):
        return expanded(value).read_bytes()
    return None


def is_plain(value: Any) -> bool:
    """Whether a value is clearly a picture, and not a series or row of numbers."""
    try:
        picture = picture_of(value)
        if isinstance(picture, bytes):
            header(io.BytesIO(picture))
    except Exception:  # decoders may raise anything for damaged or unrelated bytes
        return False
    if picture is None or isinstance(picture, Image.Image | bytes):
        return picture is not None
    shape = picture.shape
    if len(shape) == 2:
        eight_bit = picture.dtype in (np.uint8, torch.uint8)
        return min(shape) > 1 and (bool(eight_bit) or (shape[0] == shape[1] and shape[0] >= SMALLEST))
    first, middle, last = shape
    return min(first, last) < min(middle, max(first, last))


def inside(item: Any, key: str | None) -> Any:
    """The value at the place of an item's picture: under a key, first in a tuple, or the item itself."""
    if isinstance(item, Mapping) and key is not None:
        return item.get(key)
    return item[0] if isinstance(item, list | tuple) and item else item


def key_of(items: Iterable[Any], column: str | None) -> str | None:
    """The key of the pictures, where items are dictionaries.

    Raises:
        SourceError: There is no such key, or several keys have pictures and none was named.
    """
    for item in items:
        if isinstance(item, Broken):
            continue
        if not isinstance(item, Mapping) or (item and set(item) <= STORED):
            break
        if column is not None:
            if column not in item:
                raise SourceError(f"There is no column '{column}'.{closest(column, item)} Columns: {listed(item)}.")
            return column
        result = [str(key) for key, value in item.items() if is_plain(value)]
        wanted = preferred(result)
        if wanted is None and result:
            raise SourceError(f"Items hold pictures under {listed(result)}. Name one with --column.")
        wanted = wanted or next((name for name in PICTURES if _may_be(item.get(name))), None)
        if wanted is not None:
            return wanted
    if column is not None:
        raise SourceError(f"There is no column '{column}': the items of the source are not dictionaries. Leave it out.")
    return None


def _may_be(value: Any) -> bool:
    """Whether an array under a picture's usual name can be one, though its shape may be that of a series."""
    return arrays.is_array(value) and picture_of(value) is not None


def label_of(item: Any) -> tuple[str | None, Any]:
    """The label in an item, and its key; None where there is none."""
    if isinstance(item, Mapping):
        key = next((name for name in LABELS if name in item), None)
        return key, None if key is None else _scalar(item[key])
    if isinstance(item, list | tuple) and len(item) == 2:
        return None, _scalar(item[1])
    return None, None


def _scalar(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic | Tensor):
        return value.item() if value.ndim == 0 else None
    return value if isinstance(value, str | int | float) else None


def header_of(picture: Picture, axis: str) -> Header:
    """The properties of a picture before it is resized."""
    if isinstance(picture, bytes):
        return header(io.BytesIO(picture))
    if isinstance(picture, Image.Image):
        _load(picture)
        return Header(high_bit_depth.bands(picture), picture.height, picture.width, high_bit_depth.kind(picture))
    array = arrays.as_numpy(picture)
    return Header(*arrays.shape_of((1, *array.shape), axis), kind_of(array.dtype))


class Wanted(NamedTuple):
    """The target of conversion: (height, width), channels, the kind of pixel values; and the channel axis."""

    size: tuple[int, int]
    channels: int
    kind: str
    axis: str
    like: Preprocessing | None = None
    """The preprocessing, where pictures are not squeezed."""


def levels_of(picture: Picture, wanted: Wanted, say: Say) -> Shaped[np.ndarray, "c h w"]:
    """The pixel values of a picture, converted to the target.

    Raises:
        ValueError: It has other bands, deeper values, or values that are not finite.
    """
    size, channels, kind, axis, like = wanted
    if isinstance(picture, bytes):
        return levels_in(picture, size, channels, kind, say, like=like)
    if not isinstance(picture, Image.Image):
        if not (channels in (1, 3) and _is_transparent(picture)):
            levels = arrays.channels_first(arrays.as_numpy(picture)[None], axis)[0]
            return fitted(levels, size, channels, kind, say, like=like)
        picture = Image.fromarray(arrays.as_numpy(picture))
    _load(picture)
    return picture_levels(picture, size, channels, kind, say, like=like)


def _load(image: Image.Image) -> None:
    """Read a PNG of which only the header was read: Pillow would keep 8 bits of several bands."""
    if image.format == "PNG":
        image.load()


def _is_transparent(picture: np.ndarray | Tensor) -> bool:
    """Whether this is an array (h, w, 4) of bytes: red, green, blue and opacity."""
    return picture.ndim == 3 and picture.shape[2] == 4 and picture.dtype in (np.uint8, torch.uint8)


def why(wrong: Exception) -> str:
    """Why an item cannot be used, in the first line of the exception, which may be of any type."""
    if isinstance(wrong, CounterpointError):
        return str(wrong).rstrip(".")
    if isinstance(wrong, OSError | ValueError):
        return reason(wrong)
    lines = str(wrong).splitlines()
    return f"it cannot be read: {type(wrong).__name__}{f': {lines[0]}' if lines else ''}"


def described(item: Any) -> str:
    """A description of an item.

    >>> described({"text": "so", "id": 1}), described(np.zeros((2, 3, 4, 4), np.uint8)), described(("so", 1))
    ('a dictionary with the keys text, id', 'an array of uint8 (2, 3, 4, 4)', 'a tuple of str, int')
    """
    if isinstance(item, Mapping):
        return f"a dictionary with the keys {listed(map(str, item), 5)}" if item else "an empty dictionary"
    if arrays.is_array(item):
        return f"an array of {str(item.dtype).removeprefix('torch.')} {tuple(item.shape)}"
    if isinstance(item, list | tuple):
        return f"a {type(item).__name__} of {listed((type(each).__name__ for each in item), 5)}" if item else "empty"
    return f"{item!r}"[:60] if isinstance(item, str | int | float | bytes | None) else f"a {type(item).__name__}"
