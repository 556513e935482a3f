"""Photos read again from their files for display: an encoder's input is smaller, and square."""

from __future__ import annotations

import warnings

import numpy as np
from jaxtyping import Int64
from PIL import Image

from counterpoint.data.decode import thumbnail
from counterpoint.data.listing import Reading, bytes_of


def originals(reading: Reading, places: Int64[np.ndarray, " b"], side: int, *, grey: bool) -> list[Image.Image | None]:
    """The photos at these indices, no longer than ``side``; None for each of high bit depth or no longer readable."""
    with warnings.catch_warnings(), reading() as read:
        warnings.filterwarnings("ignore", module="PIL")
        return [_original(bytes_of(read, place), side, grey=grey) for place in places.tolist()]


def _original(data: bytes | str, side: int, *, grey: bool) -> Image.Image | None:
    try:
        return None if isinstance(data, str) else thumbnail(data, side, grey=grey)
    except Exception:  # decoders may raise anything for damaged files; such a photo is shown as it was stored
        return None
