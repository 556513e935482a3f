"""Arrays that stay on the disk: .npy files that are mapped into memory, and written row by row.

The pages of a mapped file that were read count as memory of the process until they are given back. ``touched`` gives
them back once they are many, so that searching a file that is larger than the memory takes little of it.
"""

from __future__ import annotations

import mmap
import os
import tokenize
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from jaxtyping import Shaped

from counterpoint.errors import RunError

HELD = 3 * 2**29
"""Bytes of one mapped file, 1.5 GiB, that may stay in memory; smaller files are never given back."""

DAMAGE = (OSError, ValueError, TypeError, EOFError, MemoryError, SyntaxError, RecursionError, tokenize.TokenError)
"""What NumPy raises over the head of a file that is none of its own."""

Array = Shaped[np.ndarray, "..."]


class MappedArray:
    """The array in an .npy file, read when it is looked at, of a type and a shape that are known beforehand.

    Raises:
        RunError: The file is missing or holds anything else; nothing of its size is believed before that is known.
    """

    def __init__(self, file: Path, dtype: str, shape: Sequence[int | None]) -> None:
        try:
            with file.open("rb") as opened:
                held, offset = _header(opened, file, np.dtype(dtype), shape)
                self._map = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
            self.array: Array = np.frombuffer(self._map, dtype, offset=offset).reshape(held)
        except DAMAGE as wrong:
            raise RunError(f"'{file}' is damaged or missing: {' '.join(str(wrong).split())[:200]}.") from wrong
        self._read = 0

    def touched(self, count: int) -> None:
        """Note that so many bytes may have been read, and give all pages back where that was too much."""
        self._read += count
        if self._read > HELD and self.array.nbytes > HELD:
            self._map.madvise(mmap.MADV_DONTNEED)
            self._read = 0


def _header(
    opened: IO[bytes], file: Path, dtype: np.dtype[np.generic], shape: Sequence[int | None]
) -> tuple[tuple[int, ...], int]:
    """The shape of an array, and where it begins in its file."""
    version = np.lib.format.read_magic(opened)
    if version != (1, 0):
        raise ValueError(f"it is an .npy of version {version}")
    there, fortran, kind = np.lib.format.read_array_header_1_0(opened)
    fits = len(there) == len(shape) and all(want in (None, has) for want, has in zip(shape, there, strict=True))
    if fortran or kind != dtype or not fits:
        raise ValueError(f"it holds {kind} of the shape {there}")
    offset = opened.tell()
    size = offset + int(np.prod(there, dtype=object)) * dtype.itemsize
    if size != file.stat().st_size:
        raise ValueError(f"it has {file.stat().st_size:,} bytes instead of {size:,}")
    return there, offset


def write_array(file: Path, array: Array) -> None:
    """Write an array, and wait until the disk has it."""
    write_rows(file, array.dtype, array.shape[1:], [array])


def write_rows(file: Path, dtype: np.dtype[np.generic], rest: Sequence[int], blocks: Iterable[Array]) -> int:
    """Write the rows of several arrays into one .npy file, and wait until the disk has it; gives how many there are.

    ``rest`` is the shape of a row. The number of rows is written last: numpy leaves room for it in the header.
    """
    rows = 0
    with file.open("wb") as opened:
        _write_header(opened, dtype, (0, *rest))
        for block in blocks:
            opened.write(np.ascontiguousarray(block, dtype=dtype).data)
            rows += len(block)
        opened.seek(0)
        _write_header(opened, dtype, (rows, *rest))
        opened.flush()
        os.fsync(opened.fileno())
    return rows


def _write_header(opened: IO[bytes], dtype: np.dtype[np.generic], shape: Sequence[int]) -> None:
    head = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": tuple(shape)}
    np.lib.format.write_array_header_1_0(opened, head)
