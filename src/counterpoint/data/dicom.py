"""DICOM, the format of medical images: stored values, rescaled as the file says; ``pydicom`` is an extra.

    level = slope * stored + intercept        MONOCHROME1 goes from white to black, and is inverted first

DICOM PS3.3, C.11.1 (modality LUT) and C.7.6.3 (image pixel).
"""

from __future__ import annotations

import io
from typing import IO, Any

import numpy as np
from jaxtyping import Shaped

from counterpoint.data.skipped_items import Say
from counterpoint.data.value_range import kind_of
from counterpoint.errors import MissingPackage
from counterpoint.storage.limits import require_pixels

START = 132
"""The magic number of the format."""


def is_dicom(start: bytes) -> bool:
    """Whether a file begins as DICOM does."""
    return start[128:132] == b"DICM"


def header(file: IO[bytes] | io.BufferedIOBase) -> tuple[int, int, int, str]:
    """(c, h, w) of a picture and the kind of its pixel values, from the header alone."""
    record = _read(file, stop_before_pixels=True)
    if "PALETTE" in str(record.get("PhotometricInterpretation", "")):
        return 3, int(record.Rows), int(record.Columns), "uint8" if record.BitsAllocated == 8 else "uint16"
    if _rescaled(record) or "FloatPixelData" in record or "DoubleFloatPixelData" in record:
        kind = "float32"
    else:
        sign = "i" if record.PixelRepresentation else "u"
        kind = kind_of(np.dtype(f"{sign}{max(1, int(record.BitsAllocated) // 8)}"))
    return int(record.get("SamplesPerPixel", 1)), int(record.Rows), int(record.Columns), kind


def levels(data: bytes, say: Say) -> Shaped[np.ndarray, "c h w"]:
    """The pixel values of the first frame of a DICOM file."""
    record = _read(io.BytesIO(data), stop_before_pixels=False)
    from pydicom import pixels

    reading: Any = pixels  # whose type stubs are incomplete
    frames = int(record.get("NumberOfFrames", 1) or 1)
    if frames > 1:
        say("pages", frames - 1)
    stored = reading.pixel_array(record, index=0)
    if record.PhotometricInterpretation == "PALETTE COLOR":
        stored = reading.apply_color_lut(stored, record)
    if record.PhotometricInterpretation == "MONOCHROME1":
        stored = _turned(stored, int(record.BitsStored), signed=bool(record.PixelRepresentation))
    if _rescaled(record):
        slope, intercept = float(record.get("RescaleSlope", 1)), float(record.get("RescaleIntercept", 0))
        stored = (stored * slope + intercept).astype(np.float32)
    return np.ascontiguousarray(stored[None] if stored.ndim == 2 else np.moveaxis(stored, 2, 0))


def _read(file: Any, *, stop_before_pixels: bool) -> Any:
    try:
        from pydicom import dcmread
    except ImportError as wrong:
        raise MissingPackage("pydicom", "dicom") from wrong
    record = dcmread(file, stop_before_pixels=stop_before_pixels)
    if "Rows" not in record:
        raise ValueError("it is a DICOM file without a picture")
    require_pixels(int(record.Rows), int(record.Columns))
    return record


def _rescaled(record: Any) -> bool:
    return (float(record.get("RescaleSlope", 1) or 1), float(record.get("RescaleIntercept", 0) or 0)) != (1.0, 0.0)


def _turned(stored: np.ndarray, bits: int, *, signed: bool) -> np.ndarray:
    """Inverted brightness, within the bits that the file uses."""
    ends = -1 if signed else (1 << bits) - 1
    return (ends - stored.astype(np.int64)).astype(stored.dtype)
