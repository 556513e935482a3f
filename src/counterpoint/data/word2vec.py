"""Files of word vectors in word2vec's format: a header of two numbers, then a word and its vector for each.

The text format has a line for each word, and in GloVe's variant no header; the binary format has, after the word and a
space, its values as little-endian float32.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from counterpoint.data import frames
from counterpoint.errors import SourceError
from counterpoint.storage.files import replacing
from counterpoint.storage.reading_errors import door

BINARY = ".bin"
SUFFIXES = (".txt", ".vec", BINARY)

Table = tuple[list[str], Float32[np.ndarray, "v d"]]
"""Words, and a vector for each."""


def write_word2vec(words: Sequence[str], vectors: Float32[np.ndarray, "v d"], out: Path) -> None:
    """Write words and their vectors, atomically: binary if the name ends in ``.bin``, else text."""
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
        SourceError: It cannot be read, or is not such a file.
    """
    try:
        data = frames.contents(path)
    except (OSError, EOFError) as wrong:
        raise SourceError(f"'{path}' cannot be read: {wrong}.") from wrong
    try:
        words, vectors = (_binary if frames.suffix_of(path) == BINARY else _text)(data)
    except (ValueError, UnicodeDecodeError) as wrong:
        raise SourceError(
            f"'{path}' is no file of word vectors: {wrong}. Expected a word and its numbers in each line, as word2vec, "
            "fastText and GloVe write them, perhaps below a line with their number and length; a .bin is of word2vec."
        ) from wrong
    if not np.isfinite(vectors).all():
        raise SourceError(f"'{path}' holds numbers that are not finite.")
    return words, vectors


def _text(data: bytes) -> Table:
    lines = data.decode("utf-8-sig").removesuffix("\n").split("\n")
    count, length = _head(lines[0])
    if count is not None:
        lines = lines[1:]
    if len(lines) != (len(lines) if count is None else count):
        raise ValueError(f"it holds {len(lines):,} lines of words, not {count:,}")
    words, vectors = [], np.empty((len(lines), length), dtype=np.float32)
    for row, line in enumerate(lines):
        word, *values = line.rstrip().rsplit(" ", length)  # GloVe's words may contain spaces
        if len(values) != length:
            raise ValueError(f"'{word[:40]}' has {len(values)} numbers, not {length}")
        words.append(word)
        vectors[row] = values
    return words, vectors


def _head(line: str) -> tuple[int | None, int]:
    """The number of words, or None without a header, and the length of their vectors.

    >>> _head("2000000 300"), _head("at the 0.1 -0.5 1e-3")
    ((2000000, 300), (None, 3))
    """
    parts = line.split()
    if len(parts) == 2 and all(part.isdecimal() for part in parts):
        return int(parts[0]), int(parts[1])
    values = list(itertools.takewhile(_is_number, reversed(parts[1:])))
    if not values:
        raise ValueError(f"its first line is '{line[:40]}'")
    return None, len(values)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _binary(data: bytes) -> Table:
    head, _, body = data.partition(b"\n")
    count, length = (int(number) for number in head.split())
    words, vectors, place = [], np.empty((count, length), dtype=np.float32), 0
    for row in range(count):
        space = body.index(b" ", place)
        words.append(body[place:space].decode("utf-8").lstrip("\n"))
        vectors[row] = np.frombuffer(body, dtype="<f4", count=length, offset=space + 1)
        place = space + 1 + 4 * length
    return words, vectors
