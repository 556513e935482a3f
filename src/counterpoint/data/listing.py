"""Which photos a source names: a folder, a list of paths, a column of paths. Nothing is decoded here."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from counterpoint.data.decode import SUFFIXES, ByteFile, is_picture_name
from counterpoint.data.paths import RECORDS, ours
from counterpoint.data.sheets import Sheet
from counterpoint.errors import SourceError, listed
from counterpoint.files import expanded

Read = Callable[[int], ByteFile]
"""From a place in a listing to the opened file of that photo."""

Reading = Callable[[], AbstractContextManager[Read]]
"""Opens a source for reading, one file after another."""

MISSING = (-1, -1)
"""The stamp of a photo that cannot be read now; one that can be read later has another."""


@dataclass(frozen=True)
class Listing:
    """n photos: where they come from, what they are called, (bytes, time of change) of each, how to read them."""

    location: str
    names: list[str]
    stamps: list[tuple[int, int]]
    reading: Reading

    def __post_init__(self) -> None:
        name, times = Counter(self.names).most_common(1)[0]
        if times > 1:
            raise SourceError(f"'{name}' is listed {times} times. Names of items are unique: list every photo once.")


def of_folder(folder: Path) -> Listing:
    """Every photo in a folder and in the folders inside it, sorted by its path."""
    others: Counter[str] = Counter()
    found: list[str] = []
    for file in files_in(folder, set()):
        name = file.relative_to(folder).as_posix()
        if is_picture_name(name):
            found.append(name)
        else:
            others[Path(name).suffix.lower() or "no suffix"] += 1
    if not found:
        raise SourceError(nothing_in(str(folder), others))
    found.sort()
    return _listed(found, [folder / name for name in found], str(folder.resolve()))


def nothing_in(source: str, others: Counter[str]) -> str:
    """What to say of a folder or an archive without photos, given the suffixes that it does hold."""
    if not others:
        return f"'{source}' is empty. Expected photos in it or in folders inside it."
    found = listed(f"{suffix} ({count})" for suffix, count in others.most_common())
    return f"'{source}' holds no photos, only {found}. Photos end in {', '.join(sorted(SUFFIXES))}."


def has_pictures(folder: Path) -> bool:
    """Whether a folder holds a photo somewhere; stops at the first."""
    return any(is_picture_name(file.name) for file in files_in(folder, set()))


def of_paths(paths: Sequence[str | Path]) -> Listing:
    """Photos in the order of a list; names are the paths as they were given."""
    files = [expanded(path) for path in paths]
    location = hashlib.sha256(json.dumps([str(file.absolute()) for file in files]).encode()).hexdigest()
    return _listed([Path(path).as_posix() for path in paths], files, f"list:{location}")


def of_sheet(sheet: Sheet) -> Listing:
    """Photos whose paths stand in a column; those in a file are relative to the folder of that file."""
    named = [column.name for column in sheet.schema.columns if column.role == "path"]
    if len(named) != 1:
        many = (
            f"Columns {listed(named)} all hold" if named else f"None of the columns {listed(sheet.frame.columns)} holds"
        )
        raise SourceError(f"{many} paths of photos. Name the one to look at with --column.")
    paths = sheet.words(named[0])
    first = next((path for path in paths if path), "")
    if not is_picture_name(first):
        raise SourceError(f"Column '{named[0]}' holds no paths of photos: its first is {first!r}.")
    empty = [row for row, path in enumerate(paths) if not path]
    if empty:
        raise SourceError(
            f"Column '{named[0]}' names no photo in {len(empty)} rows, the first row {empty[0]}. Drop those."
        )
    folder = sheet.frame.folder
    if folder is None:
        return of_paths(paths)
    return _listed(paths, [folder / expanded(path) for path in paths], str(folder.resolve() / sheet.frame.called))


def _listed(names: list[str], files: list[Path], location: str) -> Listing:
    if not files:
        raise SourceError("The list of photos is empty. Give at least one path.")
    stamps = [_stamp(file) for file in files]
    if all(stamp == MISSING for stamp in stamps):
        raise SourceError(
            f"None of the {len(files)} listed photos can be read; the first is looked for at '{files[0].absolute()}'."
        )
    return Listing(location, names, stamps, _from_disk(files))


def _from_disk(files: list[Path]) -> Reading:
    return lambda: nullcontext(lambda place: _open(files[place]))


def _open(file: Path) -> ByteFile:
    if file.exists() and not file.is_file():  # whoever opens a pipe waits for somebody to write into it
        raise OSError("it is a folder" if file.is_dir() else "it is a pipe, a socket or a device")
    return file.open("rb")


def _stamp(file: Path) -> tuple[int, int]:
    if not (file.is_file() and os.access(file, os.R_OK)):
        return MISSING
    held = file.stat()
    return held.st_size, held.st_mtime_ns


def files_in(folder: Path, entered: set[tuple[int, int]]) -> Iterator[Path]:
    """Every file below a folder that is not hidden; links are followed, but no folder is entered twice."""
    try:
        held = folder.stat()
        if (held.st_dev, held.st_ino) in entered:
            return
        entered.add((held.st_dev, held.st_ino))
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as wrong:
        raise SourceError(f"The folder '{folder}' cannot be read: {wrong.strerror}.") from wrong
    if any(entry.name in RECORDS for entry in entries) and ours(folder):
        return  # its pictures are about the data, not of it
    for entry in entries:
        if entry.name.startswith("."):
            continue
        link = Path(entry.path) if entry.is_symlink() else None  # of a link in a circle the entry itself knows nothing
        if (link or entry).is_dir():
            yield from files_in(Path(entry.path), entered)
        elif (link or entry).is_file() or (link and not link.exists()):  # a link to nowhere is a photo without pixels
            yield Path(entry.path)
