"""Paths given by users, and messages where there is nothing, or nothing that can be read as data."""

from __future__ import annotations

import glob
import json
from collections.abc import Collection
from pathlib import Path

from counterpoint.errors import SourceError, closest, listed
from counterpoint.storage.files import LOCK, expanded

CHOSEN = {"source", "asked", "command"}

RECORDS = {
    "plan.json": CHOSEN,
    "comparison.json": CHOSEN,
    "trials.json": CHOSEN,
    "lab.json": CHOSEN,
    "config.json": {"modality", "settings", "weights"},
}
"""The files by which folders of this package are recognised, finished or not, and what they contain at least."""


def existing(source: str | Path) -> Path:
    """The path, if there is data: a file, or a folder that was not written by this package.

    Raises:
        InputError: The path is empty, or nobody knows its home folder.
        SourceError: It does not exist, and the message lists its neighbours; or it is a pipe, a device or a run.
    """
    path = expanded(source)
    if str(source) in ("-", "/dev/stdin") and not path.is_file():
        raise SourceError(f"Data is not read from standard input ('{source}'). Save it in a file and name that.")
    try:
        there = path.exists()
    except (OSError, ValueError) as wrong:
        raise SourceError(f"'{_shortened(path)}' cannot be read: {getattr(wrong, 'strerror', wrong)}.") from wrong
    if not there:
        raise SourceError(_absent(source, path))
    if path.is_dir():
        if ours(path):
            raise SourceError(f"'{path}' is a run, not data. Name the file or the folder of the data itself.")
    elif not path.is_file():
        raise SourceError(f"'{path}' is a pipe, a socket or a device. Save what it gives in a file and name that.")
    return path


def ours(folder: Path) -> bool:
    """Whether a folder was written by a verb: its contents are results, not data."""
    return any(holds_record(folder, name) for name in RECORDS)


def holds_record(folder: Path, name: str) -> bool:
    """Whether a folder holds a file of this package with this name."""
    return is_record(name, _reads(folder / name))


def is_rest(folder: Path, files: Collection[str], marks: Collection[str]) -> bool:
    """Whether a folder holds leftovers of one of ours: such files and no others, and a mark or a damaged record."""
    names = {each.name for each in folder.iterdir()} - {LOCK}
    records = names & set(RECORDS)
    if any(_is_json(_reads(folder / name)) and not holds_record(folder, name) for name in records):
        return False  # it is not ours
    return names <= set(files) and bool(names & {*marks, *records})


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return False
    except RecursionError:  # valid JSON, but not ours
        return True
    return True


def is_record(name: str, data: bytes) -> bool:
    """Whether a file with this name and contents identifies a folder of this package.

    >>> is_record("plan.json", b'{"source": "", "asked": {}, "command": "fit"}'), is_record("plan.json", b"{}")
    (True, False)
    """
    try:
        held = json.loads(data)
    except (ValueError, RecursionError):  # an unrelated file of that name
        return False
    return name in RECORDS and isinstance(held, dict) and held.keys() >= RECORDS[name]


def is_pattern(source: object) -> bool:
    """Whether this is a path with wildcards, such as ``photos/**/*.jpg``, and no file has this name."""
    if not isinstance(source, str | Path) or "://" in str(source) or not glob.has_magic(str(source)):
        return False
    try:
        return not expanded(source).exists()
    except (OSError, ValueError):  # a text, or no valid file name
        return False


def matching(pattern: str | Path) -> tuple[Path, list[Path]]:
    """The folder above the first part with a wildcard, and the matches, sorted, without hidden ones."""
    parts = expanded(pattern).absolute().parts
    root = Path(*parts[: next(place for place, part in enumerate(parts) if glob.has_magic(part))])
    wild = "/".join(parts[len(root.parts) :])
    return root, [path for path in sorted(root.glob(wild)) if "/." not in f"/{path.relative_to(root).as_posix()}"]


def matched(pattern: str | Path) -> tuple[Path, list[Path]]:
    """As ``matching``; a ``SourceError`` where nothing does."""
    root, result = matching(pattern)
    if not result:
        existing(root)
        raise SourceError(f"Nothing in the folder '{root}' matches '{pattern}'. Are the files called so?")
    return root, result


def require(source: str | Path) -> None:
    """Raise ``SourceError`` where there is no such path, or nothing that matches such a pattern."""
    matched(source) if is_pattern(source) else existing(source)


def _reads(file: Path) -> bytes:
    try:
        return file.read_bytes() if file.is_file() else b""
    except OSError:
        return b""


def _absent(source: str | Path, path: Path) -> str:
    """Why there is no such path, and what exists instead."""
    if "://" in str(source):
        return f"'{source}' is an address, and nothing is downloaded. Give a path on this machine."
    for each in (path, *path.parents):
        if each.is_symlink() and not each.exists():
            return f"'{each}' is a link to '{each.readlink()}', which leads nowhere. Mend the link, or name the data."
    above = next(folder for folder in path.absolute().parents if folder.is_dir())
    missing = path.absolute().relative_to(above).parts[0]
    seen = [each for each in above.iterdir() if not each.name.startswith(".")]
    neighbours = sorted(each.name for each in seen if not (each / LOCK).exists())  # without folders being written
    held = f" It holds {listed(neighbours, 5)}." if neighbours else " It is empty."
    suggestion = closest(missing, neighbours)
    return f"There is no '{source}': the folder '{above}' has no '{missing}'.{suggestion or held}"


def _shortened(path: Path, most: int = 80) -> str:
    return str(path) if len(str(path)) <= most else f"{str(path)[:most]}..."
