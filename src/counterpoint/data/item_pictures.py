"""What an item of a dataset holds: a picture and perhaps a label, alone, in a tuple or under a name.

A picture is a Pillow image, an array or a tensor (h, w), (h, w, c) or (c, h, w), the bytes of a .jpg or .png, the
path of one, or a pair {bytes, path} as Hugging Face keeps pictures.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from counterpoint.data import arrays
from counterpoint.data.column_names import LABELS, PICTURES
from counterpoint.data.decode import is_grey, is_picture_name, opened, pixels_of, reason
from counterpoint.data.paths import expanded
from counterpoint.errors import SourceError, closest, listed

Picture = Image.Image | np.ndarray | Tensor

STORED = {"bytes", "path"}
"""The keys under which Hugging Face keeps an encoded picture."""

SMALLEST = 8
"""Side below which a square array of floats is not taken for a picture."""

EXPECTED = "expected a Pillow image, an array (h, w), (h, w, c) or (c, h, w), or the bytes or the path of a photo"


class Broken(NamedTuple):
    """Stands for an item that cannot be fetched."""

    reason: str


def picture_of(value: Any) -> Picture | None:
    """The picture that a value is, or None. Decoders raise what they like over damaged ones."""
    if isinstance(value, Image.Image):
        return value
    if arrays.is_array(value):
        numbers = isinstance(value, Tensor) or value.dtype.kind in "buif"
        return value if numbers and value.ndim in (2, 3) and 0 not in value.shape else None
    if isinstance(value, Mapping) and value and set(value) <= STORED:
        data, path = value.get("bytes"), value.get("path")
        if data is None and not path:
            return None
        return opened(io.BytesIO(data if data is not None else expanded(str(path)).read_bytes()))
    if isinstance(value, bytes | bytearray):
        return opened(io.BytesIO(value))
    if isinstance(value, str | Path) and is_picture_name(Path(value).name) and expanded(value).is_file():
        return opened(io.BytesIO(expanded(value).read_bytes()))
    return None


def is_plain(value: Any) -> bool:
    """Whether a value is plainly a picture, and no series or row of numbers that an array may be as well."""
    try:
        picture = picture_of(value)
    except Exception:  # damaged, or bytes of something else
        return False
    if picture is None or isinstance(picture, Image.Image):
        return picture is not None
    shape = picture.shape
    if len(shape) == 2:
        whole = picture.dtype in (np.uint8, torch.uint8)
        return min(shape) > 1 and (bool(whole) or (shape[0] == shape[1] and shape[0] >= SMALLEST))
    first, middle, last = shape
    return min(first, last) < min(middle, max(first, last))


def inside(item: Any, key: str | None) -> Any:
    """What stands where the picture of an item is: under a key, first in a tuple, or the item itself."""
    if isinstance(item, Mapping) and key is not None:
        return item.get(key)
    return item[0] if isinstance(item, list | tuple) and item else item


def key_of(items: Iterable[Any], column: str | None) -> str | None:
    """The key under which the pictures of items are, where items are dictionaries.

    Raises:
        SourceError: There is no such key, or pictures are under several and nobody said which are meant.
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
        found = [str(key) for key, value in item.items() if is_plain(value)]
        wanted = next((name for name in PICTURES if name in found), found[0] if len(found) == 1 else None)
        if wanted is None and found:
            raise SourceError(f"Items hold pictures under {listed(found)}. Name the ones to look at with column=...")
        if wanted is not None:
            return wanted
    if column is not None:
        raise SourceError(f"There is no column '{column}': the items of the source are not dictionaries. Leave it out.")
    return None


def label_of(item: Any) -> tuple[str | None, Any]:
    """What an item says of itself, and the key under which it does; None where it says nothing."""
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


def shape_of(picture: Picture) -> tuple[int, int, int]:
    """(c, h, w) of a picture."""
    if isinstance(picture, Image.Image):
        return (1 if is_grey(picture) else 3), picture.height, picture.width
    return arrays.shape_of((1, *picture.shape))


def pixels_in(picture: Picture, size: tuple[int, int], channels: int) -> np.ndarray:
    """uint8 pixels (c, h, w) of a picture, squeezed to (height, width) ``size``."""
    given = shape_of(picture)[0]
    if not isinstance(picture, Image.Image) and channels in (1, 3) and _is_transparent(picture):
        picture = Image.fromarray(arrays.as_numpy(picture))
    elif given != channels and {given, channels} != {1, 3}:
        raise SourceError(f"it has {given} channels, and {channels} were expected")
    if isinstance(picture, Image.Image):
        return pixels_of(picture, size=size, channels=channels)
    pixels = arrays.open_arrays(picture[None], channels=channels, labels=None).take(np.arange(1))
    if pixels.shape[2:] != size:
        squeezed = torch.nn.functional.interpolate(
            pixels.float(), size, mode="bilinear", antialias=True, align_corners=False
        )
        pixels = squeezed.round_().clamp_(0, 255).to(torch.uint8)
    return pixels[0].numpy()


def _is_transparent(picture: np.ndarray | Tensor) -> bool:
    """Whether this is an array (h, w, 4) of bytes: red, green, blue and how much covers what is behind."""
    return picture.ndim == 3 and picture.shape[2] == 4 and picture.dtype in (np.uint8, torch.uint8)


def why(wrong: Exception) -> str:
    """Why an item cannot be used, in the first line of what was raised; datasets raise anything there is."""
    if isinstance(wrong, SourceError):
        return str(wrong).rstrip(".")
    if isinstance(wrong, OSError | ValueError):
        return reason(wrong)
    lines = str(wrong).splitlines()
    return f"it cannot be read: {type(wrong).__name__}{f': {lines[0]}' if lines else ''}"


def said(item: Any) -> str:
    """What an item is, for people.

    >>> said({"text": "so", "id": 1}), said(np.zeros((2, 3, 4, 4), np.uint8)), said(("so", 1))
    ('a dictionary with the keys text, id', 'an array of uint8 (2, 3, 4, 4)', 'a tuple of str, int')
    """
    if isinstance(item, Mapping):
        return f"a dictionary with the keys {listed(map(str, item), 5)}" if item else "an empty dictionary"
    if arrays.is_array(item):
        return f"an array of {str(item.dtype).removeprefix('torch.')} {tuple(item.shape)}"
    if isinstance(item, list | tuple):
        return f"a {type(item).__name__} of {listed((type(each).__name__ for each in item), 5)}" if item else "empty"
    return f"{item!r}"[:60] if isinstance(item, str | int | float | bytes | None) else f"a {type(item).__name__}"
