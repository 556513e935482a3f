"""Photos inside .zip and .tar archives, read where they are: nothing is unpacked to disk."""

from __future__ import annotations

import itertools
import lzma
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from stat import S_ISLNK
from typing import Any

from counterpoint.data.decode import ByteFile, is_picture_name
from counterpoint.data.listing import Listing, Read, nothing_in
from counterpoint.door import door
from counterpoint.errors import SourceError

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
GLANCE = 1000
"""Members of a tar that are looked at to guess whether it holds photos."""

DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
)


def is_archive(path: Path) -> bool:
    """Whether a name ends as those of archives do."""
    return path.name.lower().endswith(SUFFIXES)


@door
def has_pictures(path: Path) -> bool:
    """Whether an archive holds a photo; of a tar only the first members are looked at."""
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as packed:
                return any(is_picture_name(name) for name in packed.namelist())
        with tarfile.open(path) as taped:
            return any(is_picture_name(member.name) for member in itertools.islice(taped, GLANCE))
    except DAMAGE:
        return False


@door
def of_archive(path: Path) -> Listing:
    """The photos of an archive in its own order, so that a compressed tar is read from front to back once.

    Raises:
        SourceError: The archive is damaged, holds no photos, or has a member that points outside it.
    """
    zipped = path.suffix.lower() == ".zip"
    reading = _zip_reading if zipped else _tar_reading
    try:
        members = dict(_zip_members(path) if zipped else _tar_members(path))
    except DAMAGE as wrong:
        raise SourceError(f"'{path}' is damaged or not an archive: {wrong}. Make or download it again.") from wrong
    photos = {name: held for name, held in members.items() if is_picture_name(name)}
    if not photos:
        raise SourceError(nothing_in(str(path), Counter(Path(name).suffix or "no suffix" for name in members)))
    return Listing(
        location=str(path.resolve()),
        names=list(photos),
        stamps=[stamp for _, stamp in photos.values()],
        reading=lambda: reading(path, [member for member, _ in photos.values()]),
    )


def _zip_members(path: Path) -> Iterator[tuple[str, tuple[Any, tuple[int, int]]]]:
    """Clean names, and for each the member and its (bytes, checksum)."""
    with zipfile.ZipFile(path) as packed:
        for member in packed.infolist():
            name = _inside(member.filename, path)
            if not (member.is_dir() or S_ISLNK(member.external_attr >> 16) or _hidden(name)):
                yield name, (member, (member.file_size, member.CRC))


def _tar_members(path: Path) -> Iterator[tuple[str, tuple[Any, tuple[int, int]]]]:
    """Clean names, and for each the member and its (bytes, time of change)."""
    with tarfile.open(path) as taped:
        for member in taped:
            name = _inside(member.name, path)
            if member.isreg() and not _hidden(name):
                yield name, (member, (member.size, round(member.mtime * 1e9)))


@contextmanager
def _zip_reading(path: Path, members: Sequence[zipfile.ZipInfo]) -> Iterator[Read]:
    with zipfile.ZipFile(path) as packed:
        yield lambda place: packed.open(members[place])


@contextmanager
def _tar_reading(path: Path, members: Sequence[tarfile.TarInfo]) -> Iterator[Read]:
    with tarfile.open(path) as taped:

        def read(place: int) -> ByteFile:
            file = taped.extractfile(members[place])
            assert file is not None  # only links and folders have no contents, and they are not listed
            return file

        yield read


def _inside(name: str, archive: Path) -> str:
    """A member's name without leading dots; one that leaves the archive is refused, though nothing is unpacked."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts:
        raise SourceError(f"'{archive}' has a member that points outside the archive: '{name}'. Do not trust it.")
    return path.as_posix()


def _hidden(name: str) -> bool:
    """Whether a member is what file managers leave behind, not what somebody packed."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)
