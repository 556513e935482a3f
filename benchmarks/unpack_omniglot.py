"""Drawings of characters for verification, some alphabets held out, from an .npz with the drawings as bits.

    python benchmarks/unpack_omniglot.py omniglot_small12.npz OUT [--turned]

writes OUT/train_x.npy and OUT/train_y.npy, and OUT/test_x.npy and OUT/test_y.npy with the characters of Greek and
Latin: grey pictures of 28 x 28, ink white. With ``--turned`` every character to learn from is there four times, turned
by a quarter each time, and every turn is a character of its own (Vinyals et al. 2016, arXiv:1606.04080, section 4.1.1).
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

HELD_OUT = ("Greek", "Latin")


def drawings(bits: np.ndarray, side: int = 105, size: int = 28) -> np.ndarray:
    ink = np.unpackbits(bits, axis=1)[:, : side * side].reshape(-1, side, side) * np.uint8(255)
    return np.stack([np.asarray(Image.fromarray(each).resize((size, size), Image.Resampling.BOX)) for each in ink])


def main(file: Path, out: Path, *, turned: bool) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with np.load(file, allow_pickle=False) as held:
        pictures = drawings(held["img_bits"])
        _, character = np.unique(np.stack([held["alphabet"], held["char"]]), axis=1, return_inverse=True)
        new = np.isin(held["alphabet_names"][held["alphabet"]], HELD_OUT)
    character = character.reshape(-1)
    known, classes = pictures[~new], character[~new]
    turns = range(4 if turned else 1)
    np.save(out / "train_x.npy", np.concatenate([np.rot90(known, turn, axes=(1, 2)) for turn in turns]))
    np.save(out / "train_y.npy", np.concatenate([classes + turn * (character.max() + 1) for turn in turns]))
    np.save(out / "test_x.npy", pictures[new])
    np.save(out / "test_y.npy", character[new])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), turned="--turned" in sys.argv)
