"""From the bytes of a photo to pixels: every mode, bit depth and orientation, at one size.

Pictures that Pillow would reduce to 8 bits or to three bands are read by ``high_bit_depth`` and ``dicom``, and keep
their depth.

Photos are squeezed, never cropped: the full picture becomes (size, size). JPEGs are decoded at a half, a quarter or an
eighth of their size where that is still twice the target: five times faster for 12 megapixels, and on average less
than one grey level of 255 away. For a pretrained network they are decoded at full size, and preprocessed as it expects.
"""

from __future__ import annotations

import io
import threading
from functools import cache
from typing import IO, NamedTuple, cast

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from counterpoint.data import dicom, high_bit_depth
from counterpoint.data.skipped_items import Say, unsaid
from counterpoint.data.value_range import check_finite, kept_as, kind_of, recoloured
from counterpoint.preprocessing import Preprocessing
from counterpoint.storage.limits import ByteFile, require_pixels

SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jfif",
        ".png",
        ".webp",
        ".bmp",
        ".gif",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".avif",
        ".dcm",
        ".dicom",
    ]
)
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "AVIF")
"""Formats that Pillow may decode: none that would start another program, as EPS does."""

GAP = 2
"""How many times larger than the target a picture is decoded before it is resized."""

_opening = threading.Lock()


def is_picture_name(name: str) -> bool:
    """Whether a name has the suffix of a picture.

    >>> is_picture_name("beach/014.JPG"), is_picture_name("notes.txt")
    (True, False)
    """
    return f".{name.rpartition('.')[2].lower()}" in SUFFIXES


def open_file(file: ByteFile) -> Image.Image:
    """A picture of which only the header has been read; Pillow's own limit is lifted for that time."""
    with _opening:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            image = Image.open(cast(IO[bytes], file), formats=_formats())
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    require_pixels(image.height, image.width)
    return image


@cache
def _formats() -> list[str]:
    """Those of ``FORMATS`` that this build of Pillow supports."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def reason(wrong: Exception) -> str:
    """Why a photo cannot be used; Pillow's own message names the file object."""
    if isinstance(wrong, UnidentifiedImageError):
        return "it holds no picture of a kind that Pillow knows"
    return f"it cannot be read: {wrong}" if str(wrong) else f"it cannot be read: {type(wrong).__name__}"


class Header(NamedTuple):
    """The properties of a photo before decoding; ``kind`` is the type of its pixel values, of ``value_range.KINDS``."""

    channels: int
    height: int
    width: int
    kind: str


def header(file: ByteFile) -> Header:
    """The header of a photo."""
    start = file.read(dicom.START)
    file.seek(0)
    if dicom.is_dicom(start):
        return Header(*dicom.header(file))
    if _beyond_pillow(start, file):
        return Header(*high_bit_depth.tiff_header(file))
    with open_file(file) as image:
        return Header(high_bit_depth.bands(image), image.height, image.width, high_bit_depth.kind(image))


def _beyond_pillow(start: bytes, file: ByteFile) -> bool:
    """Whether a file is a TIFF of which Pillow would lose bits or bands; the file position is reset."""
    if not high_bit_depth.is_tiff(start):
        return False
    try:
        with open_file(file) as image:
            return high_bit_depth.loses(image)
    except UnidentifiedImageError:
        return True
    finally:
        file.seek(0)


def decode(
    data: bytes,
    *,
    size: int,
    channels: int,
    kind: str = "uint8",
    say: Say | None = None,
    like: Preprocessing | None = None,
) -> Shaped[np.ndarray, "{channels} {size} {size}"]:
    """A photo from its bytes, upright, on white, squeezed to (size, size), with pixel values of this kind.

    With ``like`` it is the square that this keeps, ``like.kept`` pixels wide, which ``size`` has to be. Grey is
    converted to colour for three channels, and colour to grey for one.

    Raises:
        ValueError: It has other bands, or deeper pixel values.
    """
    return levels_in(data, (size, size), channels, kind, say or unsaid, like=like)


def levels_in(
    data: bytes, size: tuple[int, int], channels: int, kind: str, say: Say, *, like: Preprocessing | None = None
) -> Shaped[np.ndarray, "c h w"]:
    """The same at (height, width) ``size``."""
    if dicom.is_dicom(data):
        return fitted(dicom.levels(data, say), size, channels, kind, say, like=like)
    if _beyond_pillow(data, io.BytesIO(data)):
        return fitted(high_bit_depth.tiff_levels(data, say), size, channels, kind, say, like=like)
    with open_file(io.BytesIO(data)) as image:
        if pages := high_bit_depth.further_pages(image):
            say("pages", pages)
        if high_bit_depth.kind(image) != "uint8":
            return fitted(high_bit_depth.levels(image, data, say), size, channels, kind, say, like=like)
        if like is None:
            image.draft(None, (GAP * size[1], GAP * size[0]))
        return picture_levels(image, size, channels, kind, say, like=like)


def thumbnail(data: bytes, side: int, *, grey: bool) -> Image.Image | None:
    """A photo for display from its bytes: upright, on white, with its aspect ratio, no longer than ``side``.

    None where it has more than 8 bits, which needs a choice of black and white.
    """
    if dicom.is_dicom(data) or _beyond_pillow(data, io.BytesIO(data)):
        return None
    with open_file(io.BytesIO(data)) as image:
        if high_bit_depth.kind(image) != "uint8":
            return None
        image.draft(None, (GAP * side, GAP * side))
        flat = _flat(ImageOps.exif_transpose(image)).convert("L" if grey else "RGB")
    flat.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=GAP)
    return flat.convert("RGB")


def picture_levels(
    image: Image.Image,
    size: tuple[int, int] | None,
    channels: int,
    kind: str,
    say: Say | None = None,
    *,
    like: Preprocessing | None = None,
) -> Shaped[np.ndarray, "c h w"]:
    """The pixel values of a Pillow image, at (height, width) ``size`` or its own."""
    if high_bit_depth.kind(image) != "uint8":
        return fitted(high_bit_depth.levels(image, None), size, channels, kind, say, like=like)
    if say is not None and image.has_transparency_data:
        say("transparent", 1)
    stored = channels if channels in (1, 3) else high_bit_depth.bands(image)
    return kept_as(recoloured(pixels_of(image, size=size, channels=stored, like=like)[None], channels)[0], kind)


def fitted(
    levels: Shaped[np.ndarray, "b h w"],
    size: tuple[int, int] | None,
    channels: int,
    kind: str,
    say: Say | None = None,
    *,
    like: Preprocessing | None = None,
) -> Shaped[np.ndarray, "c r s"]:
    """Pixel values with other bands, at another (height, width) and of another kind."""
    check_finite(levels)
    if say is not None and kind == "uint8" and kind_of(levels.dtype) != kind:
        say("shallow", 1)
    brought = recoloured(levels[None], channels)[0]
    return kept_as(brought if size is None else _squeezed(brought, size, like), kind)


def _squeezed(
    levels: Shaped[np.ndarray, "c h w"], size: tuple[int, int], like: Preprocessing | None
) -> Shaped[np.ndarray, "c r s"]:
    """Every band separately at another (height, width), in its own type."""
    if levels.shape[1:] == size:
        return levels
    bands = [band if band.dtype == np.uint8 else band.astype(np.float32) for band in levels]
    seen = np.stack([np.asarray(_resized(Image.fromarray(np.ascontiguousarray(band)), size, like)) for band in bands])
    return (np.rint(seen) if levels.dtype.kind in "iu" else seen).astype(levels.dtype)


def _resized(image: Image.Image, size: tuple[int, int], like: Preprocessing | None) -> Image.Image:
    if like is None:
        return image.resize(size[::-1], Image.Resampling.BILINEAR, reducing_gap=GAP)
    tall, wide, top, left = like.box(image.height, image.width)
    scaled = image.resize((wide, tall), Image.Resampling[like.resample.upper()])
    return scaled.crop((left, top, left + size[1], top + size[0]))


def pixels_of(
    image: Image.Image, *, size: tuple[int, int] | None, channels: int, like: Preprocessing | None = None
) -> UInt8[np.ndarray, "c h w"]:
    """An 8-bit Pillow image as pixels, at (height, width) ``size`` or its own."""
    flat = _flat(ImageOps.exif_transpose(image)).convert("L" if channels == 1 else "RGB")
    if size is not None and flat.size != size[::-1]:
        flat = _resized(flat, size, like)
    pixels = np.asarray(flat)
    return np.ascontiguousarray(pixels[None] if channels == 1 else pixels.transpose(2, 0, 1))


def _flat(image: Image.Image) -> Image.Image:
    """Composite transparency onto white."""
    if not image.has_transparency_data:
        return image
    seen = image.convert("RGBA")
    white = Image.new("RGBA", seen.size, "white")
    return Image.alpha_composite(white, seen)
