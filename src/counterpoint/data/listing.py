"""The photos of a source: a folder, a list of paths, a column of paths. Nothing is decoded here."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from counterpoint.data.decode import SUFFIXES, is_picture_name, reason
from counterpoint.data.frames import Frame, kind_of
from counterpoint.data.paths import RECORDS, ours
from counterpoint.data.sheets import Sheet
from counterpoint.data.unread_files import advice, is_unread_picture, notes
from counterpoint.errors import SourceError, listed
from counterpoint.storage.files import expanded
from counterpoint.storage.limits import PICTURE, ByteFile, at_most

Read = Callable[[int], ByteFile]
"""From an index in a listing to the opened file of that photo."""

Reading = Callable[[], AbstractContextManager[Read]]
"""Opens a source for reading one file after another."""

Labels = Sequence[Any] | None
"""The label of each photo from its source, or None where it has none."""

MISSING = (-1, -1)
"""The stamp of a photo that cannot be read now; once it can be read it gets another."""


@dataclass(frozen=True)
class Listing:
    """n photos: their source, their names, (bytes, modification time) of each, how to read them."""

    location: str
    names: list[str]
    stamps: list[tuple[int, int]]
    reading: Reading
    unread: Sequence[tuple[str, str]] = ()
    """Files beside the photos with pictures in unsupported formats, and why."""
    labels: Callable[[], Labels] = lambda: None
    """Reads the labels of the source."""
    frame: Frame | None = None
    """The columns that they are in, if any; without columns of encoded pictures, which are large."""

    def __post_init__(self) -> None:
        name, times = Counter(self.names).most_common(1)[0]
        if times > 1:
            raise SourceError(f"'{name}' is listed {times} times. Names of items are unique: list every photo once.")


def of_folder(folder: Path) -> Listing:
    """Every photo in a folder and its subfolders, sorted by path."""
    result: list[str] = []
    others: list[str] = []
    for file in files_in(folder, set()):
        name = file.relative_to(folder).as_posix()
        (result if is_picture_name(name) else others).append(name)
    if not result:
        raise SourceError(nothing_in(str(folder), others))
    result.sort()
    return of_files(result, [folder / name for name in result], str(folder.resolve()), unread=unread_of(others))


def unread_of(names: Iterable[str]) -> list[tuple[str, str]]:
    """Files among these with pictures in unsupported formats, sorted, and why."""
    return [(name, why) for name in sorted(names) if (why := advice(name)) is not None]


def nothing_in(source: str, others: Sequence[str]) -> str:
    """The message for a folder or an archive without photos, given the names of its contents."""
    if not others:
        return f"'{source}' is empty. Expected photos in it or in folders inside it."
    counts = Counter(Path(name).suffix.lower() or "no suffix" for name in others)
    result = listed(f"{suffix} ({count})" for suffix, count in counts.most_common())
    unread = "".join(f" {note}." for note in notes(others))
    return f"'{source}' holds no photos, only {result}.{unread} Photos end in {', '.join(sorted(SUFFIXES))}."


def has_pictures(folder: Path) -> bool:
    """Whether a folder holds a photo somewhere; stops at the first."""
    return any(is_picture_name(file.name) for file in files_in(folder, set()))


def is_album(folder: Path) -> bool:
    """Whether a folder is one of photos, possibly in unsupported formats: opening it says so."""
    return any(is_picture_name(file.name) or is_unread_picture(file.name) for file in files_in(folder, set()))


def of_paths(paths: Sequence[Any]) -> Listing:
    """Photos in the order of a list; names are the paths as given. Entries that are not paths are skipped."""
    files = [None if _is_empty(path) else expanded(str(path)) for path in paths]
    location = hashlib.sha256(json.dumps([file and str(file.absolute()) for file in files]).encode()).hexdigest()
    return of_files(_names(paths), files, f"list:{location}")


def of_sheet(sheet: Sheet) -> Listing:
    """Photos whose paths are in a column; those in a file are relative to the folder of that file."""
    named = sheet.schema.of_role("path")
    if len(named) != 1:
        many = (
            f"Columns {listed(named)} all hold" if named else f"None of the columns {listed(sheet.frame.columns)} holds"
        )
        raise SourceError(f"{many} paths of photos. Name one with --column.")
    paths = sheet.words(named[0])
    first = next((path for path in paths if path), "")
    if not is_picture_name(first):
        raise SourceError(f"Column '{named[0]}' holds no paths of photos: its first is {first!r}.")
    folder = sheet.frame.folder
    if folder is None:
        return in_sheet(of_paths(paths), sheet)
    files = [folder / expanded(path) if path else None for path in paths]
    location = str(folder.resolve() / sheet.frame.called)
    return in_sheet(of_files(_names(paths), files, location), sheet)


def in_sheet(photos: Listing, sheet: Sheet) -> Listing:
    """The photos in a column, with the metadata of the sheet, and its skipped rows."""
    labels, unread = sheet.labels(), [*photos.unread, *sheet.frame.skipped]
    columns = {name: cells for name, cells in sheet.frame.columns.items() if kind_of(cells) not in ("picture", "bytes")}
    return replace(photos, labels=lambda: labels, unread=unread, frame=replace(sheet.frame, columns=columns))


def _is_empty(path: object) -> bool:
    """Whether a row names no photo: None, NaN, or empty."""
    return path is None or path != path or not str(path).strip()


def _names(paths: Sequence[object]) -> list[str]:
    return [f"row {row}" if _is_empty(path) else Path(str(path)).as_posix() for row, path in enumerate(paths)]


def of_files(
    names: list[str], files: Sequence[Path | None], location: str, *, unread: Sequence[tuple[str, str]] = ()
) -> Listing:
    """Photos in separate files, with their names; at least one can be read."""
    if not files:
        raise SourceError("The list of photos is empty. Give at least one path.")
    listing = loose(names, files, location, unread=unread)
    if all(stamp == MISSING for stamp in listing.stamps):
        first = next((f"; the first is looked for at '{file.absolute()}'" for file in files if file), "")
        raise SourceError(f"None of the {len(files)} listed photos can be read{first}.")
    return listing


def loose(
    names: list[str], files: Sequence[Path | None], location: str, *, unread: Sequence[tuple[str, str]] = ()
) -> Listing:
    """Photos in separate files, possibly none of which exists."""
    return Listing(location, names, [stamp(file) for file in files], _from_disk(files), unread)


def _from_disk(files: Sequence[Path | None]) -> Reading:
    def read(place: int) -> ByteFile:
        file = files[place]
        if file is None:
            raise ValueError("the row names no photo")
        return open_file(file)

    return lambda: nullcontext(read)


def open_file(file: Path) -> ByteFile:
    """A file opened for reading, if it is a regular file."""
    if file.exists() and not file.is_file():  # opening a pipe would block
        raise OSError("it is a folder" if file.is_dir() else "it is a pipe, a socket or a device")
    return file.open("rb")


def bytes_of(read: Read, place: int) -> bytes | str:
    """The contents of a file, or why it cannot be read; archives may raise many exceptions."""
    try:
        with read(place) as file:
            return at_most(file, PICTURE) or "it is empty (0 bytes)"
    except FileNotFoundError:
        return "there is no such file"
    except Exception as wrong:
        return reason(wrong)


def stamp(file: Path | None) -> tuple[int, int]:
    """The (bytes, modification time) of a file, ``MISSING`` where it cannot be read."""
    try:
        if file is None or not (file.is_file() and os.access(file, os.R_OK)):
            return MISSING
        held = file.stat()
    except OSError:  # circular links, names that are too long
        return MISSING
    return held.st_size, held.st_mtime_ns


def files_in(folder: Path, entered: set[tuple[int, int]]) -> Iterator[Path]:
    """Every file below a folder that is not hidden; links are followed, but no folder is visited twice."""
    try:
        held = folder.stat()
        if (held.st_dev, held.st_ino) in entered:
            return
        entered.add((held.st_dev, held.st_ino))
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as wrong:
        raise SourceError(f"The folder '{folder}' cannot be read: {wrong.strerror}.") from wrong
    if any(entry.name in RECORDS for entry in entries) and ours(folder):
        return  # its pictures are results, not data
    for entry in entries:
        if entry.name.startswith("."):
            continue
        link = Path(entry.path) if entry.is_symlink() else None  # entry.is_file() fails for circular links
        if (link or entry).is_dir():
            yield from files_in(Path(entry.path), entered)
        elif (link or entry).is_file() or (link and not link.exists()):  # a broken link is an unreadable photo
            yield Path(entry.path)
