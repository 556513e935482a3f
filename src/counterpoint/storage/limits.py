"""How much is read of what a file holds: a small file shall not fill the memory, whatever it says of itself.

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
    """What gives bytes, so many at a time."""

    def read(self, size: int, /) -> bytes: ...


ByteFile = IO[bytes] | io.BufferedIOBase
"""A file opened for reading bytes, on disk, in an archive or in memory."""

TOTAL, ALWAYS, RATIO = 2**36, 2**30, 200
"""Bytes that a packed file becomes at most, that any may become, and how many of each packed one: text shrinks to a
tenth. What is not packed, such as an archive of photos, may have twice its own size, however much that is."""

PICTURE, FLIGHT, SMALL = 2**30, 2**28, 2**24
"""Bytes of a picture in its file, of all those that wait to be decoded, and of a small file beside them."""

PIXELS = 500_000_000
"""The largest picture that is decoded. Pillow's own limit, 89 million, is below what cameras make."""

PIECE = 2**22
"""Bytes that are read at a time."""

CELLS = 2**33
"""Cells of a table: a column that says the same in each row takes no room in its file."""


def unpacked_from(packed: int) -> int:
    """How many bytes so many packed ones may become.

    >>> unpacked_from(1000) == ALWAYS, unpacked_from(10**8), unpacked_from(2**40) == 2**41  # an archive of photos
    (True, 20000000000, True)
    """
    return max(2 * packed, min(TOTAL, max(ALWAYS, RATIO * packed)))


def too_much(file: Path) -> SourceError:
    """What to say of a file that would become more."""
    most = unpacked_from(file.stat().st_size)
    return SourceError(
        f"'{file}' would unpack to more than {most:,} bytes, as nothing does that is meant to be read. Unpack it "
        "yourself if you trust it, and name what comes of it."
    )


def allowance(file: Path) -> Callable[[int], None]:
    """Is told the size of one member of an archive after another, and refuses the archive when they are too much."""
    left = unpacked_from(file.stat().st_size)

    def spend(size: int) -> None:
        nonlocal left
        left -= size
        if left < 0:
            raise too_much(file)

    return spend


def require_zip(file: Path) -> None:
    """Refuse a zip, as .npz is one, whose members would be too much."""
    spend = allowance(file)
    with zipfile.ZipFile(file) as packed:
        for member in packed.infolist():
            spend(member.file_size)


def unpacked(stream: Readable, file: Path) -> bytes:
    """What comes of a packed file, of which ``stream`` gives the unpacked bytes."""
    try:
        return at_most(stream, unpacked_from(file.stat().st_size))
    except TooLarge:
        raise too_much(file) from None


class TooLarge(ValueError):
    """A file goes on after all that would be read of it."""


def at_most(file: Readable, most: int) -> bytes:
    """What is in an opened file; ``TooLarge`` where that is more than ``most`` bytes."""
    pieces, left = [], most
    while piece := file.read(PIECE):
        pieces.append(piece)
        left -= len(piece)
        if left < 0:
            raise TooLarge(f"it has more than {most:,} bytes")
    return b"".join(pieces)


def require_pixels(height: int, width: int) -> None:
    """Refuse a picture that is too large to be decoded.

    Raises:
        ValueError: It is.
    """
    if height * width > PIXELS:
        raise ValueError(f"{width:,} x {height:,} pixels are more than {PIXELS:,}; make it smaller, or cut it")
