"""Small pictures of items in a page: as data URLs, alone or many on one sheet."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64
from PIL import Image
from torch import Tensor

from counterpoint.interfaces import HasOriginals, Items
from counterpoint.modality import Modality, ShowsPictures

PIECE = 250
"""Items that are fetched at once."""

CRISP = 64
"""Side in pixels up to which a picture is stored without loss, and shown with visible pixels."""

SHEET_BYTES = 900_000
"""The most bytes of a sheet; its quality is lowered until it fits."""


class Thumbnail(NamedTuple):
    """A picture as a data URL, empty where there is none, and whether its pixels are shown as they are."""

    url: str = ""
    pixels: bool = False


def picture(shown: Tensor) -> Image.Image:
    """A uint8 tensor (3, h, w) as a picture."""
    return Image.fromarray(np.ascontiguousarray(shown.permute(1, 2, 0).cpu().numpy()))


def thumbnails(modality: object, items: Items, rows: Int64[np.ndarray, " n"], *, side: int) -> list[Image.Image]:
    """Pictures of these items, none larger than ``side``; an empty list where the modality has no pictures, or is
    unknown.
    """
    result: list[Image.Image] = []
    if not isinstance(modality, ShowsPictures):
        return result
    for start in range(0, len(rows), PIECE):
        for each in modality.picture(items.take(rows[start : start + PIECE])):
            small = picture(each)
            small.thumbnail((side, side), Image.Resampling.LANCZOS)
            result.append(small)
    return result


def shown(
    modality: Modality | None, items: Items | None, rows: Int64[np.ndarray, " n"], *, side: int
) -> list[Thumbnail]:
    """A thumbnail of each of these items, as sharp as its original allows; empty ones where there are no pictures."""
    kept = [] if items is None else thumbnails(modality, items, rows, side=side)
    if not kept or items is None:
        return [Thumbnail()] * len(rows)
    originals = items.originals(rows, side) if isinstance(items, HasOriginals) else [None] * len(rows)
    best = [small if original is None else original for small, original in zip(kept, originals, strict=True)]
    return [Thumbnail(data_url(each), max(each.size) <= CRISP) for each in best]


def sheet(pictures: Sequence[Image.Image]) -> tuple[Image.Image, int]:
    """Pictures of one size on one sheet, row by row, and the number per row."""
    width, height = pictures[0].size
    columns = math.ceil(math.sqrt(len(pictures)))
    result = Image.new("RGB", (columns * width, math.ceil(len(pictures) / columns) * height))
    for place, each in enumerate(pictures):
        result.paste(each, (place % columns * width, place // columns * height))
    return result, columns


def data_url(image: Image.Image, *, most: int = SHEET_BYTES) -> str:
    """A picture as a WebP data URL of at most about ``most`` bytes; small pictures are lossless."""
    if max(image.size) <= CRISP:
        return _url(_webp(image, quality=100, lossless=True), "webp")
    for quality in (80, 60, 40):
        encoded = _webp(image, quality=quality, lossless=False)
        if len(encoded) <= most:
            break
    return _url(encoded, "webp")


def inlined(png: bytes, *, most: int = 400_000) -> tuple[str, tuple[int, int]]:
    """A PNG file as a data URL, and its size; a large one is compressed more."""
    with Image.open(io.BytesIO(png)) as image:
        size = image.size
        return (_url(png, "png") if len(png) <= most else data_url(image.convert("RGB"), most=most)), size


def _webp(image: Image.Image, *, quality: int, lossless: bool) -> bytes:
    file = io.BytesIO()
    image.save(file, "WEBP", quality=quality, lossless=lossless)
    return file.getvalue()


def _url(encoded: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(encoded).decode('ascii')}"
