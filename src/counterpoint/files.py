"""Files that are written whole or not at all, and fingerprints of what is in them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from counterpoint.errors import InputError

PARTIAL = ".partial"
"""How temporary files end, so that those of killed processes are known."""

LOCK = ".lock"
"""The file by which a folder is held that is being written into."""


def expanded(given: str | Path) -> Path:
    """A path that a person gave, with ``~`` and ``~user`` followed; every path from outside comes through here.

    Raises:
        InputError: It is empty, or nobody knows where that home is.

    >>> expanded("photos/shells").as_posix()
    'photos/shells'
    >>> expanded(" ")
    Traceback (most recent call last):
    counterpoint.errors.InputError: A path is empty. Name a file or a folder; '.' is the folder you are in.
    """
    text = str(given)
    if not text.strip():
        raise InputError("A path is empty. Name a file or a folder; '.' is the folder you are in.")
    try:
        return Path(given).expanduser()
    except RuntimeError as wrong:
        if os.path.lexists(text):  # a file may be called so
            return Path(given)
        user = Path(given).parts[0][1:]
        why = f"there is no user '{user}'" if user else "this user has none, and HOME is not set"
        raise InputError(f"The home folder in '{text}' is not known: {why}. Write the whole path.") from wrong


def is_there(given: str | Path) -> bool:
    """Whether what may be a path, or a name or a text instead, is the path of a file or a folder."""
    try:
        return expanded(given).exists()
    except (InputError, OSError, ValueError):  # a text may be longer than a path can be
        return False


def is_file(given: str | Path) -> bool:
    """Whether what may be a path, or a name or a text instead, is the path of a file."""
    try:
        return expanded(given).is_file()
    except (InputError, OSError, ValueError):  # a text may be longer than a path can be
        return False


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A temporary path beside ``target`` that takes its place if, and only if, the block succeeds.

    A full disk or a killed process leaves what was at ``target`` as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=PARTIAL, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def target_of(temporary: Path) -> Path | None:
    """What a temporary file of ``replacing`` was to become; None of any other file.

    >>> target_of(Path("runs/.plan.json.k3_x9abc.partial")).as_posix(), target_of(Path("runs/.profile"))
    ('runs/plan.json', None)
    """
    found = re.fullmatch(rf"\.(.+)\.[a-z0-9_]{{8}}{re.escape(PARTIAL)}", temporary.name)
    return temporary.with_name(found[1]) if found else None


def sweep(folder: Path) -> None:
    """Remove what killed processes left of files that they were writing into a folder; nobody else may be writing."""
    for path in folder.glob(f".*{PARTIAL}"):
        if target_of(path) is not None:
            path.unlink(missing_ok=True)


def _umask() -> int:
    """Which rights the user keeps back; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def write_text(target: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(target: Path, record: Any) -> None:
    """Write a record as readable JSON, whole or not at all."""
    write_text(target, json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def fingerprint(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
