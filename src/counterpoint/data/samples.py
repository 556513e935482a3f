"""Pictures that come with the package, for trying everything at once: a part of Fashion-MNIST.

A split is one lossless mosaic of 100 pictures per row, and a text in which the digit at the same place is the class.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from counterpoint.errors import SourceError, closest, listed

FOLDER = Path(__file__).parent / "fashion"
COLUMNS, SIDE = 100, 28
SAMPLES = {"sample:fashion": "train", "sample:fashion-test": "test"}
CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def to_mosaic(images: UInt8[np.ndarray, "n h w"]) -> UInt8[np.ndarray, "H W"]:
    """Pictures side by side, 100 per row; n is a multiple of 100."""
    grid = images.reshape(-1, COLUMNS, SIDE, SIDE)
    return grid.transpose(0, 2, 1, 3).reshape(-1, COLUMNS * SIDE)


def from_mosaic(mosaic: UInt8[np.ndarray, "H W"]) -> UInt8[np.ndarray, "n h w"]:
    """The inverse of ``to_mosaic``.

    >>> images = np.random.default_rng(0).integers(0, 256, (200, 28, 28), dtype=np.uint8)
    >>> bool((from_mosaic(to_mosaic(images)) == images).all())
    True
    """
    grid = mosaic.reshape(-1, SIDE, COLUMNS, SIDE)
    return grid.transpose(0, 2, 1, 3).reshape(-1, SIDE, SIDE)


def read_sample(name: str) -> tuple[UInt8[np.ndarray, "n h w"], list[str]]:
    """The pictures of a bundled sample and the class of each: 6,000 to train with, 1,000 to test with."""
    if name not in SAMPLES:
        raise SourceError(f"There is no '{name}'.{closest(name, SAMPLES)} Samples: {listed(SAMPLES)}.")
    with Image.open(FOLDER / f"{SAMPLES[name]}.webp") as mosaic:
        images = from_mosaic(np.asarray(mosaic.convert("L")))
    digits = (FOLDER / f"{SAMPLES[name]}.txt").read_text(encoding="ascii").replace("\n", "")
    return images, [CLASSES[int(digit)] for digit in digits]
