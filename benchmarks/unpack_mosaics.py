"""Turn mosaics of square tiles (PREFIX_x_*.webp with labels in PREFIX_y.npy) into .npy arrays.

    python benchmarks/unpack_mosaics.py FOLDER OUT [TILE]

writes OUT/train_x.npy, OUT/train_y.npy, OUT/test_x.npy and OUT/test_y.npy.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image


def tiles(path: Path, side: int) -> np.ndarray:
    with Image.open(path) as image:
        mosaic = np.asarray(image.convert("RGB"))
    rows, columns = mosaic.shape[0] // side, mosaic.shape[1] // side
    return mosaic.reshape(rows, side, columns, side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)


def main(folder: Path, out: Path, side: int = 32) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for part in ("train", "test"):
        labels = np.load(folder / f"{part}_y.npy")
        pictures = np.concatenate([tiles(path, side) for path in sorted(folder.glob(f"{part}_x_*.webp"))])
        np.save(out / f"{part}_x.npy", pictures[: len(labels)])
        np.save(out / f"{part}_y.npy", labels)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
