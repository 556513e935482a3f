"""Pictures with more than 8 bits of grey or colour: 16-bit PNG, TIFF of any type and number of bands.

Pillow supports one band of high bit depth. Of several it keeps 8 bits each, and at most four; those are read by
torchvision (PNG) and by the optional package tifffile.
"""

from __future__ import annotations

import io
from typing import IO, Any

import numpy as np
import torch
from jaxtyping import Shaped
from PIL import Image, ImageOps, TiffImagePlugin

from counterpoint.data.skipped_items import Say
from counterpoint.data.value_range import kind_of
from counterpoint.errors import MissingPackage
from counterpoint.storage.limits import require_pixels

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SAMPLES, BITS, SUBFILE = 277, 258, 254
"""Tags of a TIFF: samples per pixel, bits of each, the type of a page."""

ANIMATED = ("TIFF", "GIF", "PNG", "WEBP")
"""Formats whose further frames are separate pictures; those of phone photos are previews and depth maps."""

OPACITY = (1, 2)
"""Extra samples of a TIFF that are opacity."""


def is_tiff(start: bytes) -> bool:
    """Whether a file begins as a TIFF does."""
    return start[:4] in MAGIC


def loses(image: Image.Image) -> bool:
    """Whether Pillow has opened a TIFF, but drops bits or bands of it."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    samples, bits = int(image.tag_v2.get(SAMPLES, 1)), image.tag_v2.get(BITS, (8,))
    return samples > 4 or image.mode == "RGBX" or (samples > 1 and max(bits) > 8)


def kind(image: Image.Image) -> str:
    """The kind of an opened picture's pixel values, of ``value_range.KINDS``."""
    raw = _raw(image)
    deep = image.format == "PNG" and isinstance(raw, str) and raw.endswith("16B")
    if deep or image.mode.startswith("I;") or (image.mode == "I" and image.format == "PPM"):
        return "uint16"
    return {"I": "int32", "F": "float32"}.get(image.mode, "uint8")


def bands(image: Image.Image) -> int:
    """1 for grey, 3 for colour."""
    raw = _raw(image)
    return 1 if raw == "LA;16B" or image.mode in ("1", "L", "LA", "I", "F") or image.mode.startswith("I;") else 3


def _raw(image: Image.Image) -> Any:
    """Pillow's mode for the values of a file that is opened and not yet read."""
    tiles: Any = getattr(image, "tile", None)
    return tiles[0][3] if tiles else ""


def levels(image: Image.Image, data: bytes | None, say: Say | None = None) -> Shaped[np.ndarray, "c h w"]:
    """The pixel values of an opened picture of high bit depth, upright."""
    if data is not None and image.format == "PNG" and not image.mode.startswith("I"):
        return _colour_png(data, say)
    pixels = np.asarray(ImageOps.exif_transpose(image))
    return pixels.astype(np.uint16 if kind(image) == "uint16" else pixels.dtype)[None]


def further_pages(image: Image.Image) -> int:
    """The number of pictures in a file besides the first, not counting previews of reduced size."""
    if image.format not in ANIMATED or not getattr(image, "is_animated", False):
        return 0
    frames = int(image.n_frames)  # type: ignore[attr-defined]
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return frames - 1
    pages = 0
    for place in range(1, frames):
        image.seek(place)
        pages += int(image.tag_v2.get(SUBFILE, 0)) in (0, 2)
    image.seek(0)
    return pages


def tiff_header(file: IO[bytes] | io.BufferedIOBase) -> tuple[int, int, int, str]:
    """(c, h, w) of the first page of a TIFF, and the kind of its pixel values."""
    with _tiff(file) as tiff:
        page = tiff.pages[0]
        require_pixels(page.imagelength, page.imagewidth)
        return _kept(page), page.imagelength, page.imagewidth, kind_of(np.dtype(page.dtype))


def tiff_levels(data: bytes, say: Say) -> Shaped[np.ndarray, "c h w"]:
    """The bands of the first page of a TIFF, without opacity."""
    with _tiff(io.BytesIO(data)) as tiff:
        page = tiff.pages[0]
        require_pixels(page.imagelength, page.imagewidth * max(1, page.samplesperpixel // 4))
        if others := sum(int(each.subfiletype) in (0, 2) for each in tiff.pages[1:]):
            say("pages", others)
        pixels = page.asarray()
        if page.axes not in ("YX", "YXS", "SYX") or pixels.dtype.kind not in "buif":
            raise ValueError(f"it is a TIFF of {pixels.dtype} with the axes {page.axes}")
        pixels = pixels[None] if page.axes == "YX" else np.moveaxis(pixels, page.axes.index("S"), 0)
        if _kept(page) < len(pixels):
            say("alpha", 1)
        return np.ascontiguousarray(pixels[: _kept(page)])


def _tiff(file: Any) -> Any:
    try:
        import tifffile
    except ImportError as wrong:
        raise MissingPackage("tifffile", "tiff") from wrong
    return tifffile.TiffFile(file)


def _kept(page: Any) -> int:
    """The number of bands of a page without opacity, which comes last."""
    samples = int(page.samplesperpixel)
    return samples - 1 if page.extrasamples and int(page.extrasamples[-1]) in OPACITY else samples


def _colour_png(data: bytes, say: Say | None) -> Shaped[np.ndarray, "c h w"]:
    from torchvision.io import decode_png

    held = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    pixels: np.ndarray = decode_png(held).numpy()
    if len(pixels) in (2, 4) and say is not None:
        say("alpha", 1)
    return pixels[: {2: 1, 4: 3}.get(len(pixels), len(pixels))]
