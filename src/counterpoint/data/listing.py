"""Which photos a source names: a folder, a list of paths, a column of paths. Nothing is decoded here."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.data.decode import SUFFIXES, ByteFile, is_picture_name
from counterpoint.data.frames import columns_of
from counterpoint.data.paths import existing, expanded
from counterpoint.data.unread import advice, is_unread_picture, notes
from counterpoint.errors import SourceError, closest, listed

Read = Callable[[int], ByteFile]
"""From a place in a listing to the opened file of that photo."""

Reading = Callable[[], AbstractContextManager[Read]]
"""Opens a source for reading, one file after another."""

PLAN = "plan.json"
BESIDE_PLAN = frozenset(["model.safetensors", "state.pt", "metrics.jsonl", "views.png"])
"""What lies beside the plan in a folder of a run of ours, one of these at least, finished or not."""

Labels = Sequence[Any] | None
"""What a source says of each of its photos, or None where it says nothing."""

MISSING = (-1, -1)
"""The stamp of a photo that cannot be read now; one that can be read later has another."""


@dataclass(frozen=True)
class Listing:
    """n photos: where they come from, what they are called, (bytes, time of change) of each, how to read them."""

    location: str
    names: list[str]
    stamps: list[tuple[int, int]]
    reading: Reading
    unread: Sequence[tuple[str, str]] = ()
    """Files beside the photos that hold pictures of a kind that is not read, and why."""
    labels: Callable[[], Labels] = lambda: None
    """Reads what the source says of each photo."""

    def __post_init__(self) -> None:
        name, times = Counter(self.names).most_common(1)[0]
        if times > 1:
            raise SourceError(f"'{name}' is listed {times} times. Names of items are unique: list every photo once.")


def of_folder(folder: Path) -> Listing:
    """Every photo in a folder and in the folders inside it, sorted by its path."""
    found: list[str] = []
    others: list[str] = []
    if is_run_folder(folder):
        raise SourceError(
            f"'{folder}' is the folder of a run, not of photos. Give the folder that the run learned from."
        )
    for file in files_in(folder, set()):
        name = file.relative_to(folder).as_posix()
        (found if is_picture_name(name) else others).append(name)
    if not found:
        raise SourceError(nothing_in(str(folder), others))
    found.sort()
    return of_files(found, [folder / name for name in found], str(folder.resolve()), unread=unread_of(others))


def unread_of(names: Iterable[str]) -> list[tuple[str, str]]:
    """The files among these that hold pictures of a kind that is not read, sorted, and why."""
    return [(name, why) for name in sorted(names) if (why := advice(name)) is not None]


def nothing_in(source: str, others: Sequence[str]) -> str:
    """What to say of a folder or an archive without photos, given the names of what it does hold."""
    if not others:
        return f"'{source}' is empty. Expected photos in it or in folders inside it."
    counts = Counter(Path(name).suffix.lower() or "no suffix" for name in others)
    found = listed(f"{suffix} ({count})" for suffix, count in counts.most_common())
    unread = "".join(f" {note}." for note in notes(others))
    return f"'{source}' holds no photos, only {found}.{unread} Photos end in {', '.join(sorted(SUFFIXES))}."


def has_pictures(folder: Path) -> bool:
    """Whether a folder holds a photo somewhere; stops at the first."""
    return any(is_picture_name(file.name) for file in files_in(folder, set()))


def is_album(folder: Path) -> bool:
    """Whether a folder is one of photos, be they of a kind that is not read: opening it says so."""
    return has_pictures(folder) or any(is_unread_picture(file.name) for file in files_in(folder, set()))


def of_paths(paths: Sequence[Any]) -> Listing:
    """Photos in the order of a list; names are the paths as they were given. What is no path at all is skipped."""
    files = [None if _is_empty(path) else expanded(str(path)) for path in paths]
    location = hashlib.sha256(json.dumps([file and str(file.absolute()) for file in files]).encode()).hexdigest()
    return of_files(_names(paths), files, f"list:{location}")


def of_frame(source: object, column: str | None) -> Listing:
    """Photos whose paths stand in a column; those in a file are relative to the folder of that file."""
    columns = columns_of(source)
    paths = columns[path_column(columns, column)].tolist()
    if not isinstance(source, str | Path):
        return of_paths(paths)
    table = existing(source)
    files = [None if _is_empty(path) else table.parent / expanded(str(path)) for path in paths]
    return of_files(_names(paths), files, str(table.resolve()))


def _is_empty(path: object) -> bool:
    """Whether a row names no photo: None, not a number, or nothing at all."""
    return path is None or path != path or not str(path).strip()


def _names(paths: Sequence[object]) -> list[str]:
    return [f"row {row}" if _is_empty(path) else Path(str(path)).as_posix() for row, path in enumerate(paths)]


def path_column(columns: dict[str, np.ndarray], column: str | None) -> str:
    """The column asked for, or the only one that holds paths of photos."""
    if column is not None and column not in columns:
        raise SourceError(f"There is no column '{column}'.{closest(column, columns)} Columns: {listed(columns)}.")
    found = path_columns(columns)
    if column is not None and column not in found:
        raise SourceError(f"Column '{column}' holds no paths of photos: its first is {columns[column][0]!r}.")
    if column is None and len(found) != 1:
        many = f"Columns {listed(found)} all hold" if found else f"None of the columns {listed(columns)} holds"
        raise SourceError(f"{many} paths of photos. Name the one to look at with column=...")
    return column or found[0]


def path_columns(columns: dict[str, np.ndarray]) -> list[str]:
    """The columns whose first cell that is not empty ends as names of photos do."""
    first = {
        name: next((cell for cell in cells if cell != ""), "") for name, cells in columns.items() if cells.ndim == 1
    }
    return [name for name, cell in first.items() if isinstance(cell, str) and is_picture_name(cell)]


def of_files(
    names: list[str], files: Sequence[Path | None], location: str, *, unread: Sequence[tuple[str, str]] = ()
) -> Listing:
    """Photos in files of their own, by the names that they are to be called; one at least can be read."""
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
    """Photos in files of their own, of which none may be there."""
    return Listing(location, names, [_stamp(file) for file in files], _from_disk(files), unread)


def _from_disk(files: Sequence[Path | None]) -> Reading:
    def read(place: int) -> ByteFile:
        file = files[place]
        if file is None:
            raise ValueError("the row names no photo")
        return file.open("rb")

    return lambda: nullcontext(read)


def _stamp(file: Path | None) -> tuple[int, int]:
    try:
        if file is None or not (file.is_file() and os.access(file, os.R_OK)):
            return MISSING
        held = file.stat()
    except OSError:  # links that lead round in a circle, names that are too long
        return MISSING
    return held.st_size, held.st_mtime_ns


def files_in(folder: Path, entered: set[tuple[int, int]]) -> Iterator[Path]:
    """Every file below a folder that is not hidden; links are followed, but no folder is entered twice."""
    entries = _entries(folder)
    held = folder.stat()
    if (held.st_dev, held.st_ino) in entered:
        return
    entered.add((held.st_dev, held.st_ino))
    if is_run({entry.name for entry in entries}):
        return  # its pictures are about the data, not of it
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if _is_folder(entry):
            yield from files_in(Path(entry.path), entered)
        elif entry.is_symlink() or entry.is_file():  # a link to nowhere is a photo that cannot be read
            yield Path(entry.path)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as wrong:
        raise SourceError(f"The folder '{folder}' cannot be read: {wrong.strerror}.") from wrong


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether this is a folder or leads to one; not where links lead round in a circle."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_run(names: Collection[str]) -> bool:
    """Whether a folder with such files in it is of a run of ours."""
    return PLAN in names and not BESIDE_PLAN.isdisjoint(names)


def is_run_folder(folder: Path) -> bool:
    """Whether this is the folder of a run of ours."""
    return (folder / PLAN).is_file() and any((folder / name).exists() for name in BESIDE_PLAN)
