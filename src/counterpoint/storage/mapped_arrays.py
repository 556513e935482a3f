"""Arrays on disk: .npy files that are mapped into memory, and written row by row.

The pages of a mapped file that were read count as memory of the process until they are released. ``touched`` releases
them once they are many, so that searching a file that is larger than the memory takes little of it.
"""

from __future__ import annotations

import mmap
import os
import tokenize
import weakref
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from jaxtyping import Int64, Shaped

from counterpoint.errors import RunError

HELD = 2**30
"""Bytes of one mapped file, 1 GiB, that may stay in memory; smaller files are never released."""

DAMAGE = (OSError, ValueError, TypeError, EOFError, MemoryError, SyntaxError, RecursionError, tokenize.TokenError)
"""What NumPy raises for the header of a file that is not an .npy."""

Array = Shaped[np.ndarray, "..."]


class MappedArray:
    """The array in an .npy file, of an expected type and shape (None: any size), read when it is accessed.

    Raises:
        RunError: The file is missing or holds anything else; its size is checked before anything is allocated.
    """

    def __init__(self, file: Path, dtype: str, shape: Sequence[int | None]) -> None:
        try:
            with file.open("rb") as stream:
                actual, self._offset = _header(stream, file, np.dtype(dtype), shape)
                self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
                self._descriptor = os.dup(stream.fileno())
            weakref.finalize(self, os.close, self._descriptor)
            self.array: Array = np.frombuffer(self._map, dtype, offset=self._offset).reshape(actual)
        except DAMAGE as wrong:
            raise RunError(f"'{file}' is damaged or missing: {' '.join(str(wrong).split())[:200]}.") from wrong
        self._read = 0

    def take(self, rows: Int64[np.ndarray, " m"]) -> Array:
        """Copies of some rows, in any order, counted from the end where negative.

        Rows of a large file are read, not mapped: a row that is mapped may keep more than a megabyte in memory.
        """
        if self.array.nbytes <= HELD:
            copies: Array = self.array[rows]
            return copies
        size, shape = self.array[0].nbytes, self.array.shape
        places = (rows % shape[0] * size + self._offset).tolist()
        data = bytearray().join(os.pread(self._descriptor, size, place) for place in places)
        return np.frombuffer(data, self.array.dtype).reshape(len(rows), *shape[1:])

    def touched(self, count: int) -> None:
        """Count bytes that may have been read, and release all pages where they are too many."""
        self._read += count
        if self._read > HELD and self.array.nbytes > HELD:
            self.release()

    def release(self) -> None:
        """Release all pages; they are read again when they are accessed."""
        self._map.madvise(mmap.MADV_DONTNEED)
        self._read = 0


def _header(
    stream: IO[bytes], file: Path, dtype: np.dtype[np.generic], shape: Sequence[int | None]
) -> tuple[tuple[int, ...], int]:
    """The shape of an array, and its offset in its file."""
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"it is an .npy of version {version}")
    actual, fortran, actual_dtype = np.lib.format.read_array_header_1_0(stream)
    fits = len(actual) == len(shape) and all(want in (None, has) for want, has in zip(shape, actual, strict=True))
    if fortran or actual_dtype != dtype or not fits:
        raise ValueError(f"it holds {actual_dtype} of the shape {actual}")
    offset = stream.tell()
    size = offset + int(np.prod(actual, dtype=object)) * dtype.itemsize
    if size != file.stat().st_size:
        raise ValueError(f"it has {file.stat().st_size:,} bytes instead of {size:,}")
    return actual, offset


def write_array(file: Path, array: Array) -> None:
    """Write an array and flush it to disk."""
    write_rows(file, array.dtype, array.shape[1:], [array])


def write_rows(file: Path, dtype: np.dtype[np.generic], row_shape: Sequence[int], blocks: Iterable[Array]) -> int:
    """Write the rows of several arrays into one .npy file and flush it to disk; returns their number.

    The number of rows is written last: NumPy leaves room for it in the header.
    """
    rows = 0
    with file.open("wb") as stream:
        _write_header(stream, dtype, (0, *row_shape))
        for block in blocks:
            stream.write(np.ascontiguousarray(block, dtype=dtype).data)
            rows += len(block)
        stream.seek(0)
        _write_header(stream, dtype, (rows, *row_shape))
        stream.flush()
        os.fsync(stream.fileno())
    return rows


def _write_header(stream: IO[bytes], dtype: np.dtype[np.generic], shape: Sequence[int]) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": tuple(shape)}
    np.lib.format.write_array_header_1_0(stream, header)
