"""Photos inside .zip and .tar archives, read without unpacking them to disk."""

from __future__ import annotations

import itertools
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from stat import S_ISLNK
from typing import Any

from counterpoint.data import compressed_files
from counterpoint.data.decode import is_picture_name
from counterpoint.data.listing import Labels, Listing, Read, nothing_in, unread_of
from counterpoint.data.paths import RECORDS, is_record
from counterpoint.data.unread_files import is_unread_picture
from counterpoint.data.webdataset import label_files, parsed
from counterpoint.errors import SourceError
from counterpoint.storage.limits import SMALL, ByteFile, TooLarge, allowance, at_most
from counterpoint.storage.reading_errors import door

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
GLANCE = 1000
"""Members of a tar that are examined to guess whether it holds photos."""

Members = dict[str, tuple[Any, tuple[int, int]]]
"""From clean names to members of an archive, each with its (bytes, checksum or modification time)."""

DAMAGE = (*compressed_files.DAMAGE, tarfile.TarError)


def is_archive(path: Path) -> bool:
    """Whether a name has the suffix of an archive."""
    return path.name.lower().endswith(SUFFIXES)


@door
def has_pictures(path: Path) -> bool:
    """Whether an archive holds a photo, readable or not; of a tar only the first members are examined."""
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as packed:
                return any(is_picture_name(name) or is_unread_picture(name) for name in packed.namelist())
        with tarfile.open(path) as taped:
            names = (member.name for member in itertools.islice(_taped(taped, path), GLANCE))
            return any(is_picture_name(name) or is_unread_picture(name) for name in names)
    except DAMAGE:
        return False


@door
def of_archive(path: Path) -> Listing:
    """The photos of an archive in its own order, so that a compressed tar is read sequentially.

    Raises:
        SourceError: The archive is damaged, holds no photos, or has a member that points outside it.
    """
    zipped = path.suffix.lower() == ".zip"
    try:
        members = _without_runs(path, dict(_zip_members(path) if zipped else _tar_members(path)))
    except DAMAGE as wrong:
        raise SourceError(f"'{path}' is damaged or not an archive: {wrong}. Make or download it again.") from wrong
    photos = {name: held for name, held in members.items() if is_picture_name(name)}
    if not photos:
        raise SourceError(nothing_in(str(path), list(members)))
    return Listing(
        location=str(path.resolve()),
        names=list(photos),
        stamps=[stamp for _, stamp in photos.values()],
        reading=lambda: _reading(path, [member for member, _ in photos.values()]),
        unread=unread_of(members),
        labels=lambda: _labels(path, list(photos), members),
    )


def _reading(path: Path, members: Sequence[Any]) -> AbstractContextManager[Read]:
    return _zip_reading(path, members) if path.suffix.lower() == ".zip" else _tar_reading(path, members)


def _labels(path: Path, photos: Sequence[str], members: Members) -> Labels:
    """The class of each photo from a small file beside it, as in WebDataset."""
    files = label_files(photos, members)
    if files is None:
        return None
    labels = []
    with _reading(path, [members[name][0] for name in files]) as read:
        for place, name in enumerate(files):
            with read(place) as file:
                labels.append(parsed(name, at_most(file, SMALL)))
    return None if any(label is None for label in labels) else labels


def _without_runs(path: Path, members: Members) -> Members:
    """The members outside folders written by this package."""
    records = [name for name in members if "/" in name and PurePosixPath(name).name in RECORDS]
    if not records:
        return members
    with _reading(path, [members[name][0] for name in records]) as read:
        runs = {PurePosixPath(name).parent for place, name in enumerate(records) if _is_record(read, place, name)}
    return {name: held for name, held in members.items() if runs.isdisjoint(PurePosixPath(name).parents)}


def _is_record(read: Read, place: int, name: str) -> bool:
    with read(place) as file:
        try:
            return is_record(PurePosixPath(name).name, at_most(file, SMALL))
        except TooLarge:  # not written by this package
            return False


def _zip_members(path: Path) -> Iterator[tuple[str, tuple[Any, tuple[int, int]]]]:
    """Clean names, with the member and its (bytes, checksum)."""
    spend = allowance(path)
    with zipfile.ZipFile(path) as packed:
        for member in packed.infolist():
            spend(member.file_size)
            name = _inside(member.filename, path)
            if not (member.is_dir() or S_ISLNK(member.external_attr >> 16) or _hidden(name)):
                yield name, (member, (member.file_size, member.CRC))


def _tar_members(path: Path) -> Iterator[tuple[str, tuple[Any, tuple[int, int]]]]:
    """Clean names, with the member and its (bytes, modification time)."""
    with tarfile.open(path) as taped:
        for member in _taped(taped, path):
            name = _inside(member.name, path)
            if member.isreg() and not _hidden(name):
                yield name, (member, (member.size, round(member.mtime * 1e9)))


def _taped(taped: tarfile.TarFile, path: Path) -> Iterator[tarfile.TarInfo]:
    """The members of a tar, within the limits on unpacking."""
    spend = allowance(path)
    for member in taped:
        spend(member.size)
        yield member


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
    """A member's name without leading dots; paths out of the archive are refused, though nothing is unpacked."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts:
        raise SourceError(f"'{archive}' has a member that points outside the archive: '{name}'. Do not trust it.")
    return path.as_posix()


def _hidden(name: str) -> bool:
    """Whether a member is metadata of a file manager."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)
