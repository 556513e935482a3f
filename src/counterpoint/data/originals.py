"""Photos fetched again from their files, for people: what an encoder learns from is smaller, and square."""

from __future__ import annotations

import warnings

import numpy as np
from jaxtyping import Int64
from PIL import Image

from counterpoint.data.decode import thumbnail
from counterpoint.data.listing import Reading, bytes_of


def originals(reading: Reading, places: Int64[np.ndarray, " b"], side: int, *, grey: bool) -> list[Image.Image | None]:
    """The photos at these places, no longer than ``side``; None for each that is deep, or can no longer be read."""
    with warnings.catch_warnings(), reading() as read:
        warnings.filterwarnings("ignore", module="PIL")
        return [_original(bytes_of(read, place), side, grey=grey) for place in places.tolist()]


def _original(data: bytes | str, side: int, *, grey: bool) -> Image.Image | None:
    try:
        return None if isinstance(data, str) else thumbnail(data, side, grey=grey)
    except Exception:  # decoders meet damaged files with any exception there is; such a photo is shown as it was kept
        return None
