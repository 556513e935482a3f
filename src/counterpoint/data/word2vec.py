"""Files of word vectors as word2vec writes them: a head of two numbers, then a word and its numbers for each.

Text has a line for each word; binary has, behind the word and a space, its numbers as little-endian float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from counterpoint.data import frames
from counterpoint.data.door import door
from counterpoint.errors import SourceError
from counterpoint.files import replacing

BINARY = ".bin"
SUFFIXES = (".txt", ".vec", BINARY)

Table = tuple[list[str], Float32[np.ndarray, "v d"]]
"""Words, and a vector for each."""


def write_word2vec(words: Sequence[str], vectors: Float32[np.ndarray, "v d"], out: Path) -> None:
    """Write words and their vectors, whole or not at all: binary if the name ends in ``.bin``, else text."""
    with replacing(out) as temporary, temporary.open("wb") as file:
        file.write(f"{len(words)} {vectors.shape[1]}\n".encode())
        for word, vector in zip(words, vectors.astype("<f4"), strict=True):
            if out.suffix == BINARY:
                file.write(f"{word} ".encode() + vector.tobytes() + b"\n")
            else:
                file.write(f"{word} {' '.join(f'{number:.9g}' for number in vector.tolist())}\n".encode())


@door
def read_word2vec(path: Path) -> Table:
    """The words and vectors of a file, text or binary by its name, also with ``.gz`` behind it.

    Raises:
        SourceError: It cannot be read, or is no such file.
    """
    try:
        data = frames.contents(path)
    except (OSError, EOFError) as wrong:
        raise SourceError(f"'{path}' cannot be read: {wrong}.") from wrong
    head, _, body = data.partition(b"\n")
    try:
        count, length = (int(number) for number in head.split())
        words, vectors = (_binary if frames.suffix_of(path) == BINARY else _text)(body, count, length)
    except (ValueError, UnicodeDecodeError) as wrong:
        raise SourceError(
            f"'{path}' is no file of word vectors: it should begin with their number and length, and go on with a word "
            f"and its numbers for each ({wrong})."
        ) from wrong
    if not np.isfinite(vectors).all():
        raise SourceError(f"'{path}' holds numbers that are not finite.")
    return words, vectors


def _text(body: bytes, count: int, length: int) -> Table:
    rows = [line.rstrip().rsplit(" ", length) for line in body.decode("utf-8").removesuffix("\n").split("\n")]
    if len(rows) != count or any(len(row) != length + 1 for row in rows):
        raise ValueError(f"it holds {len(rows)} lines, not {count} words of {length} numbers each")
    return [row[0] for row in rows], np.asarray([row[1:] for row in rows], dtype=np.float32)


def _binary(body: bytes, count: int, length: int) -> Table:
    words, vectors, place = [], np.empty((count, length), dtype=np.float32), 0
    for row in range(count):
        space = body.index(b" ", place)
        words.append(body[place:space].decode("utf-8").lstrip("\n"))
        vectors[row] = np.frombuffer(body, dtype="<f4", count=length, offset=space + 1)
        place = space + 1 + 4 * length
    return words, vectors
