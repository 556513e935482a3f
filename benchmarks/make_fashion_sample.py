"""Makes the bundled sample out of Fashion-MNIST as Debian's package dataset-fashion-mnist installs it.

    python benchmarks/make_fashion_sample.py [folder of the four .gz files]

The first 600 training and the first 100 test pictures of each class, kept in the order of the files.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from counterpoint.data import samples
from counterpoint.data.idx import read_idx

SOURCE = Path("/usr/share/datasets/fashion-mnist")
SPLITS = {"train": ("train", 600), "test": ("t10k", 100)}


def main(source: Path) -> None:
    for split, (prefix, each) in SPLITS.items():
        images = read_idx(source / f"{prefix}-images-idx3-ubyte.gz")
        labels = read_idx(source / f"{prefix}-labels-idx1-ubyte.gz")
        first = [np.flatnonzero(labels == code)[:each] for code in range(len(samples.CLASSES))]
        kept = np.sort(np.concatenate(first))
        mosaic = Image.fromarray(samples.to_mosaic(images[kept]))
        mosaic.save(samples.FOLDER / f"{split}.webp", lossless=True, quality=100, method=6)
        rows = labels[kept].reshape(-1, samples.COLUMNS)
        text = "".join("".join(map(str, row)) + "\n" for row in rows)
        (samples.FOLDER / f"{split}.txt").write_text(text, encoding="ascii")
        print(f"{split}: {len(kept)} pictures")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE)
