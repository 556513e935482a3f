"""Paths that were given by people, and what to say when nothing is there, or nothing that can be read as data."""

from __future__ import annotations

import json
from pathlib import Path

from counterpoint.errors import SourceError, closest, listed
from counterpoint.files import LOCK, expanded

CHOSEN = {"source", "asked", "command"}

RECORDS = {
    "plan.json": CHOSEN,
    "comparison.json": CHOSEN,
    "trials.json": CHOSEN,
    "lab.json": CHOSEN,
    "config.json": {"modality", "settings", "weights"},
}
"""What folders that we write are known by, finished or not: one of these files, and what is in it at least."""


def existing(source: str | Path) -> Path:
    """The path, if data is there: a file, or a folder that we have not written ourselves.

    Raises:
        InputError: The path is empty, or nobody knows its home folder.
        SourceError: Nothing is there, and the neighbours are named; or it is a pipe, a device or a run.
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
    """Whether a folder is one that a verb writes: what lies in it is about data, and no data itself."""
    return any(_holds(folder / name, keys) for name, keys in RECORDS.items())


def _holds(file: Path, keys: set[str]) -> bool:
    try:
        held = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    except (OSError, ValueError):  # somebody else's file of that name
        return False
    return isinstance(held, dict) and held.keys() >= keys


def _absent(source: str | Path, path: Path) -> str:
    """Why there is no such path, and what there is instead."""
    if "://" in str(source):
        return f"'{source}' is an address, and nothing is downloaded. Give a path on this machine."
    for each in (path, *path.parents):
        if each.is_symlink() and not each.exists():
            return f"'{each}' is a link to '{each.readlink()}', which leads nowhere. Mend the link, or name the data."
    above = next(folder for folder in path.absolute().parents if folder.is_dir())
    missing = path.absolute().relative_to(above).parts[0]
    seen = [each for each in above.iterdir() if not each.name.startswith(".")]
    neighbours = sorted(each.name for each in seen if not (each / LOCK).exists())  # nobody means where we write now
    held = f" It holds {listed(neighbours, 5)}." if neighbours else " It is empty."
    suggestion = closest(missing, neighbours)
    return f"There is no '{source}': the folder '{above}' has no '{missing}'.{suggestion or held}"


def _shortened(path: Path, most: int = 80) -> str:
    return str(path) if len(str(path)) <= most else f"{str(path)[:most]}..."
