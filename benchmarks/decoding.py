"""Photos per second on first read and from the cache: ``measure``.

JPEGs of 640 x 480 with the noise of photos, as cameras and the web have them, read into 80 x 80 as ``fit`` reads a
folder; beside it a loop over torchvision's ``decode_jpeg`` and ``resize``, as its ImageFolder users write.

    python benchmarks/decoding.py [--quick]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from counterpoint.data.listing import of_folder
from counterpoint.data.photos import open_photos

SIDE = 80


def photographs(folder: Path, count: int) -> None:
    """Smooth shapes with noise: as hard to decode as photos."""
    random = np.random.default_rng(0)
    for number in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((640, 480), Image.Resampling.BICUBIC), dtype=np.float32)
        noisy = np.clip(smooth + random.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / f"{number:05}.jpg", quality=88)


def with_torchvision(folder: Path) -> float:
    """Seconds that a plain loop takes."""
    from torchvision.io import decode_jpeg, read_file
    from torchvision.transforms.v2.functional import resize

    start = time.perf_counter()
    for path in sorted(folder.glob("*.jpg")):
        resize(decode_jpeg(read_file(str(path))), [SIDE, SIDE], antialias=True)
    return time.perf_counter() - start


def measure(quick: bool) -> list[dict[str, object]]:
    """Rows of photos per second."""
    count = 200 if quick else 1000
    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as cache:
        before = os.environ.get("XDG_CACHE_HOME")
        os.environ["XDG_CACHE_HOME"] = cache
        try:
            folder = Path(made)
            photographs(folder, count)
            start = time.perf_counter()
            photos = open_photos(of_folder(folder), size=SIDE, channels=3)
            first = time.perf_counter() - start
            start = time.perf_counter()
            again = open_photos(of_folder(folder), size=SIDE, channels=3)
            for row in range(0, count, 100):
                again.take(np.arange(row, row + 100))
            second = time.perf_counter() - start
        finally:
            os.environ.pop("XDG_CACHE_HOME") if before is None else os.environ.update(XDG_CACHE_HOME=before)
        plain = with_torchvision(folder)
    assert len(photos) == count
    rows = {"counterpoint, first read": first, "counterpoint, an epoch from the cache": second, "torchvision": plain}
    return [{"name": "decode", "system": name, "photos_per_second": count / taken} for name, taken in rows.items()]


if __name__ == "__main__":
    for each in measure("--quick" in sys.argv):
        print(each)
