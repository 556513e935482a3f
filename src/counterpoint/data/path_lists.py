"""Photos of several paths at once: folders and archives together, a pattern with wildcards, a .txt of paths.

Items of several folders are named by what distinguishes those: of ``2023/trip`` and ``2024/trip`` they are
``2023/trip/001.jpg`` and ``2024/trip/001.jpg``, as if their common parent had been given.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.data import archives, frames, listing
from counterpoint.data.decode import is_picture_name
from counterpoint.data.listing import Labels, Listing, Read
from counterpoint.data.paths import existing, matched, matching, ours
from counterpoint.errors import InputError, SourceError
from counterpoint.storage.files import expanded
from counterpoint.storage.limits import ByteFile

LISTS = (".txt", ".lst")
"""Files of lines, each the path of a photo."""

GLANCE = 64
"""Entries of a list that are examined to guess whether it is one of photos."""

Opening = Callable[[Path], Listing | None]
"""Lists the photos of a folder, an archive or a file of columns; None for a single file."""


def paths_in(source: object) -> list[Any] | None:
    """The entries of a list, an array or a column of paths; None where its first entry is something else."""
    held: Any = source
    if isinstance(source, np.ndarray) and source.ndim == 1 and source.dtype.kind in "OU":
        held = source.tolist()
    elif hasattr(source, "to_list") and not hasattr(source, "columns"):
        held = held.to_list()
    is_list = isinstance(held, list | tuple) and len(held) > 0 and isinstance(held[0], str | Path)
    return list(held) if is_list else None


def are_of_photos(paths: Sequence[object]) -> bool:
    """Whether the first of some paths are clearly of photos or of folders of photos; blanks are ignored."""
    glimpsed = [path for path in paths[:GLANCE] if str(path).strip()]
    return bool(glimpsed) and all(isinstance(path, str | Path) and _may_be_photos(path) for path in glimpsed)


def matches_photos(pattern: str | Path) -> bool:
    """Whether a photo matches a pattern, or a folder or an archive of photos; stops at the first."""
    return any(map(_is_of_photos, matching(pattern)[1]))


def _may_be_photos(path: str | Path) -> bool:
    try:
        return _is_of_photos(expanded(path))
    except (InputError, OSError, ValueError):  # a text, too long for a path or beginning with ~
        return False


def _is_of_photos(path: Path) -> bool:
    if is_picture_name(path.name):
        return True
    if path.is_dir():
        return listing.is_album(path)
    return archives.is_archive(path) and path.exists() and archives.has_pictures(path)


def _is_loose(path: Path) -> bool:
    """Whether a path is of a single photo."""
    several = path.is_dir() or archives.is_archive(path) or frames.is_frame(path) or path.suffix.lower() in LISTS
    return not several


def of_several(paths: Sequence[Any], opening: Opening) -> Listing:
    """The photos of folders, archives and files, in the order of the list; single photos are named as given.

    Raises:
        SourceError: An entry is no path, or a folder or an archive is not there.
    """
    wrong = next((place for place, path in enumerate(paths) if not isinstance(path, str | Path | float | None)), None)
    if wrong is not None:
        raise SourceError(f"Entry {wrong} of the list of paths is a {type(paths[wrong]).__name__}. Give paths only.")
    files = [expanded(path) for path in paths if isinstance(path, str | Path) and str(path).strip()]
    for file in files:
        if not (file.suffix and _is_loose(file)):
            existing(file)  # a missing photo is skipped, but not a missing folder
    if all(map(_is_loose, files)):
        return listing.of_paths(paths)
    if len(files) < len(paths):
        raise SourceError(f"{len(paths) - len(files)} entries of the list of folders are empty. Drop those.")
    places = [file.absolute() for file in files]
    above = [place if place.is_dir() else place.parent for place in places]
    return _joined(places, Path(os.path.commonpath(above)), opening)


def of_pattern(pattern: str | Path, opening: Opening) -> Listing:
    """The photos that match a pattern such as ``photos/**/*.jpg``, and those in folders and archives that match.

    Items are named as if the folder above the first wildcard had been given.

    Raises:
        SourceError: Nothing matches, or no photos do.
    """
    root, result = matched(pattern)
    within = {folder for path in result for folder in path.parents}
    runs = {path for path in within | set(result) if root in path.parents and path.is_dir() and ours(path)}
    # a folder is left out where its contents match too, and run folders are not data
    result = [path for path in result if path not in within and runs.isdisjoint([path, *path.parents])]
    names = [path.relative_to(root).as_posix() for path in result]
    wanted = [path for path in result if _is_of_photos(path)]
    wanted = wanted or [path for path in result if not path.is_dir() and opening(path) is not None]
    if not wanted:
        raise SourceError(listing.nothing_in(str(pattern), names))
    return _joined(wanted, root, opening, unread=listing.unread_of(names))


def lists_photos(file: Path) -> bool:
    """Whether a text file holds paths of photos, one per line, judged by its first lines."""
    if file.suffix.lower() not in LISTS:
        return False
    try:
        with file.open("rb") as lines:
            head = _text(b"".join(itertools.islice(lines, GLANCE)), "ignore")
    except OSError:
        return False
    result = [line.strip() for line in head.splitlines() if line.strip()]
    return bool(result) and all(is_picture_name(line) for line in result)


def of_lines(file: Path) -> Listing:
    """The photos whose paths are the lines of a file: relative to its folder, else to the working directory."""
    try:
        lines = [line.strip() for line in _text(file.read_bytes()).splitlines()]
    except (OSError, UnicodeDecodeError) as wrong:
        raise SourceError(f"The list '{file}' cannot be read: {wrong}. Save it as UTF-8, one path a line.") from wrong
    names = [line for line in lines if line]
    return listing.of_files(names, [_resolved(name, file.parent) for name in names], str(file.resolve()))


def _text(data: bytes, errors: str = "strict") -> str:
    return data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig", errors)


def _resolved(name: str, folder: Path) -> Path:
    path = expanded(name)
    return path if path.exists() and not (folder / path).exists() else folder / path


def _joined(paths: Sequence[Path], root: Path, opening: Opening, *, unread: Sequence[tuple[str, str]] = ()) -> Listing:
    """The photos of paths, in order, named relative to ``root``."""
    parts: list[Listing] = []
    for loose, together in itertools.groupby(paths, _is_loose):
        if loose:
            files = list(together)
            parts.append(listing.loose([file.relative_to(root).as_posix() for file in files], files, str(root)))
        else:
            parts.extend(_below(root, path, opening) for path in together)
    location = hashlib.sha256(json.dumps([[part.location, part.names] for part in parts]).encode()).hexdigest()
    return Listing(
        location=f"list:{location}",
        names=[name for part in parts for name in part.names],
        stamps=[stamp for part in parts for stamp in part.stamps],
        reading=lambda: _reading(parts),
        unread=[*unread, *(each for part in parts for each in part.unread)],
        labels=lambda: _labels(parts),
    )


def _below(root: Path, path: Path, opening: Opening) -> Listing:
    """The photos of a folder or an archive, with its path in their names; a single file unchanged."""
    result = opening(existing(path))
    within = path.relative_to(root)
    if result is None:
        raise SourceError(f"'{path}' holds no photos that can be read beside others. Give it alone.")
    folder = within if path.is_dir() else within.with_name(_bare(within.name))
    return Listing(
        result.location,
        [(folder / name).as_posix() for name in result.names],
        result.stamps,
        result.reading,
        [((folder / name).as_posix(), why) for name, why in result.unread],
        result.labels,
    )


def _bare(name: str) -> str:
    suffix = max(
        (each for each in archives.SUFFIXES if name.lower().endswith(each)), key=len, default=Path(name).suffix
    )
    return name[: -len(suffix)] if suffix else name


@contextmanager
def _reading(parts: Sequence[Listing]) -> Iterator[Read]:
    """Opens one part at a time, so that a thousand archives do not need a thousand open files."""
    starts = [0, *itertools.accumulate(len(part.names) for part in parts)]
    with ExitStack() as opened:
        current: list[tuple[int, Read]] = []

        def read(place: int) -> ByteFile:
            part = bisect_right(starts, place) - 1
            if not current or current[0][0] != part:
                current.clear()
                opened.close()
                current.append((part, opened.enter_context(parts[part].reading())))
            return current[0][1](place - starts[part])

        yield read


def _labels(parts: Sequence[Listing]) -> Labels:
    """The labels of all parts, where each has some."""
    labels = [part.labels() for part in parts]
    return None if any(each is None for each in labels) else [label for each in labels for label in each or ()]
