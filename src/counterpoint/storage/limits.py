"""Limits on what is read: a small file must not fill the memory, whatever its header says.

unpacked <= max(2 * packed, min(TOTAL, max(ALWAYS, RATIO * packed)))          bytes
height * width <= PIXELS                                     of a picture
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol, runtime_checkable

from counterpoint.errors import SourceError


@runtime_checkable
class Readable(Protocol):
    """A source of bytes, read in pieces."""

    def read(self, size: int, /) -> bytes: ...


ByteFile = IO[bytes] | io.BufferedIOBase
"""A file opened for reading bytes, on disk, in an archive or in memory."""

TOTAL, ALWAYS, RATIO = 2**36, 2**30, 200
"""Bytes that a packed file may always unpack to, that any may at most, and per packed byte: text shrinks to a tenth.
What is hardly compressed, such as an archive of photos, may have twice its size, whatever that is."""

PICTURE, FLIGHT, SMALL = 2**30, 2**28, 2**24
"""Bytes of a picture file, of all that wait to be decoded, and of a small file beside them."""

PIXELS = 500_000_000
"""The largest picture that is decoded. Pillow's own limit, 89 million, is below what cameras make."""

PIECE = 2**22
"""Bytes that are read at a time."""

CELLS = 2**33
"""Cells of a table: a constant column takes no room in its file."""


def unpacked_from(packed: int) -> int:
    """The most bytes that a packed file of this size may unpack to.

    >>> unpacked_from(1000) == ALWAYS, unpacked_from(10**8), unpacked_from(2**40) == 2**41  # an archive of photos
    (True, 20000000000, True)
    """
    return max(2 * packed, min(TOTAL, max(ALWAYS, RATIO * packed)))


def too_much(file: Path) -> SourceError:
    """The error for a file that would unpack to more."""
    most = unpacked_from(file.stat().st_size)
    return SourceError(
        f"'{file}' would unpack to more than {most:,} bytes, as nothing does that is meant to be read. Unpack it "
        "yourself if you trust it, and name what comes of it."
    )


def allowance(file: Path) -> Callable[[int], None]:
    """Adds up the sizes of an archive's members, and refuses the archive when they exceed the limit."""
    left = unpacked_from(file.stat().st_size)

    def spend(size: int) -> None:
        nonlocal left
        left -= size
        if left < 0:
            raise too_much(file)

    return spend


def require_zip(file: Path) -> None:
    """Refuse a zip, such as .npz, whose members exceed the limit."""
    spend = allowance(file)
    with zipfile.ZipFile(file) as packed:
        for member in packed.infolist():
            spend(member.file_size)


def unpacked(stream: Readable, file: Path) -> bytes:
    """The contents of a packed file, whose unpacked bytes ``stream`` reads."""
    try:
        return at_most(stream, unpacked_from(file.stat().st_size))
    except TooLarge:
        raise too_much(file) from None


class TooLarge(ValueError):
    """A file is larger than what would be read of it."""


def at_most(file: Readable, most: int) -> bytes:
    """The contents of an opened file; ``TooLarge`` where they exceed ``most`` bytes."""
    pieces, left = [], most
    while piece := file.read(PIECE):
        pieces.append(piece)
        left -= len(piece)
        if left < 0:
            raise TooLarge(f"it has more than {most:,} bytes")
    return b"".join(pieces)


def require_pixels(height: int, width: int) -> None:
    """Refuse a picture that is too large to decode.

    Raises:
        ValueError: It is.
    """
    if height * width > PIXELS:
        raise ValueError(f"{width:,} x {height:,} pixels are more than {PIXELS:,}; make it smaller, or cut it")
