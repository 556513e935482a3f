"""IDX, the format of MNIST and its descendants: a magic number, the sizes, then bytes.

    00 00 08 d   n  h  w   pixels ...      08: unsigned bytes,  d: number of dimensions,  sizes: big-endian 32 bits

LeCun, Cortes and Burges, "The MNIST database of handwritten digits".  Files may be compressed with gzip.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from counterpoint.data.paths import existing
from counterpoint.errors import SourceError, listed
from counterpoint.storage.limits import unpacked
from counterpoint.storage.reading_errors import door

IMAGES = b"\x00\x00\x08\x03"
BYTES = b"\x00\x00\x08"
PATTERN = "*images*idx3*"


def _open_file(path: Path) -> gzip.GzipFile | io.BufferedReader:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")


def is_idx(path: Path) -> bool:
    """Whether a file, compressed or not, begins as IDX pictures do; reads four bytes."""
    if not path.is_file():  # reading a pipe would block
        return False
    try:
        with _open_file(path) as file:
            return file.read(4) == IMAGES
    except (OSError, EOFError, zlib.error):
        return False


@door
def read_idx(path: str | Path) -> np.ndarray:
    """The bytes of an IDX file as an array of the declared shape; uncompressed files are memory-mapped."""
    file = existing(path)
    try:
        with _open_file(file) as opened:
            magic = opened.read(4)
            if magic[:3] != BYTES or len(magic) < 4:
                raise SourceError(f"'{path}' is no IDX file of bytes: it begins with {magic.hex()}, not 000008.")
            sizes = struct.unpack(f">{magic[3]}I", opened.read(4 * magic[3]))
            packed = isinstance(opened, gzip.GzipFile)
            start = 0 if packed else opened.tell()
            content = np.frombuffer(unpacked(opened, file), np.uint8) if packed else np.memmap(file, np.uint8, "r")
            held = content[start:]
    except SourceError:
        raise
    except (EOFError, OSError, ValueError, zlib.error, struct.error) as wrong:
        raise SourceError(f"'{path}' is damaged: {wrong}. Download it again.") from wrong
    if len(held) != math.prod(sizes):
        raise SourceError(
            f"'{path}' is damaged: it declares {' x '.join(map(str, sizes))} = {math.prod(sizes):,} bytes "
            f"and holds {len(held):,}. Download it again."
        )
    return held.reshape(sizes)


def has_pictures(folder: Path) -> bool:
    """Whether IDX pictures lie directly in a folder."""
    return any(is_idx(each) for each in folder.glob(PATTERN))


def pictures_in(folder: Path) -> Path | None:
    """The IDX file with the training pictures directly in a folder, if there is one."""
    result = sorted(each for each in folder.glob(PATTERN) if is_idx(each))
    training = [each for each in result if "train" in each.name] or result
    if len({each.name.removesuffix(".gz") for each in training}) > 1:
        raise SourceError(
            f"'{folder}' holds {listed(each.name for each in training)}. Point to the file that you want."
        )
    return training[0] if training else None


def labels_beside(images: Path) -> np.ndarray | None:
    """The labels in the file with the corresponding name, if there is one."""
    name = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    for each in (images.with_name(name), images.with_name(f"{name}.gz")):
        if name != images.name.removesuffix(".gz") and each.exists():
            return read_idx(each)
    return None
