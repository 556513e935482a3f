"""Atomic writing of files, and hashes of their contents."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from counterpoint.errors import InputError

PARTIAL = ".partial"
"""The suffix of temporary files, by which those of killed processes are recognised."""

LOCK = ".lock"
"""The file whose lock marks a folder that is being written to."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""Error numbers of disks that cannot be written to."""

UNSUPPORTED = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
"""Error numbers of file systems without locks, such as some network file systems."""


def expanded(path: str | Path) -> Path:
    """A path given by the user, with ``~`` and ``~user`` expanded; every path from outside passes through here.

    Raises:
        InputError: It is empty, or that home folder is unknown.

    >>> expanded("photos/shells").as_posix()
    'photos/shells'
    >>> expanded(" ")
    Traceback (most recent call last):
    counterpoint.errors.InputError: A path is empty. Name a file or a folder; '.' is the folder you are in.
    """
    text = str(path)
    if not text.strip():
        raise InputError("A path is empty. Name a file or a folder; '.' is the folder you are in.")
    try:
        return Path(path).expanduser()
    except RuntimeError as wrong:
        if os.path.lexists(text):  # a file may have this name
            return Path(path)
        user = Path(path).parts[0][1:]
        why = f"there is no user '{user}'" if user else "this user has none, and HOME is not set"
        raise InputError(f"The home folder in '{text}' is not known: {why}. Write the whole path.") from wrong


def is_there(path: str | Path) -> bool:
    """Whether a value, which may be a name or a text instead, is the path of an existing file or folder."""
    try:
        return expanded(path).exists()
    except (InputError, OSError, ValueError):  # a text may be longer than a path can be
        return False


def is_file(path: str | Path) -> bool:
    """Whether a value, which may be a name or a text instead, is the path of an existing file."""
    try:
        return expanded(path).is_file()
    except (InputError, OSError, ValueError):  # a text may be longer than a path can be
        return False


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A temporary path beside ``target`` that replaces it if, and only if, the block succeeds.

    A full disk or a killed process leaves ``target`` as it was. Leftovers of killed processes are removed.
    """
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target.parent, target)
        handle, temporary = _beside(target)
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
            os.close(handle)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turns errors of a full or read-only disk in the block into advice."""
    try:
        yield
    except OSError as wrong:
        if wrong.errno not in FULL:
            raise
        raise InputError(
            f"'{target}' cannot be written: {wrong.strerror}. What was there is as it was. Make room, or choose "
            "another place, and give the command again."
        ) from wrong


def _beside(target: Path) -> tuple[int, Path]:
    """A new temporary file beside a file, locked for as long as its handle is open."""
    while True:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=PARTIAL, dir=target.parent)
        hold(handle)
        if Path(name).exists():  # another process may have removed it before it was locked
            return handle, Path(name)
        os.close(handle)


def hold(handle: int, how: int = fcntl.LOCK_EX) -> None:
    """Lock an open file until it is closed or its process ends, where the file system knows locks."""
    try:
        fcntl.flock(handle, how)
    except OSError as wrong:
        if wrong.errno not in UNSUPPORTED:
            raise


def abandoned(file: Path) -> bool:
    """Whether a file that is locked while it is written belongs to a process that has ended."""
    try:
        with file.open("rb+") as opened:  # network file systems cannot lock files opened for reading
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # it is locked, or gone, or cannot be checked
        return False
    return True


@contextmanager
def beside_others(folder: Path, alone: Callable[[], None]) -> Iterator[None]:
    """Work in a folder in which other processes may work as well; ``alone`` is called first where none does."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # others are at work, or it cannot be checked
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone()
        hold(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def target_of(temporary: Path) -> Path | None:
    """The target of a temporary file of ``replacing``; None for any other file.

    >>> target_of(Path("runs/.plan.json.k3_x9abc.partial")).as_posix(), target_of(Path("runs/.profile"))
    ('runs/plan.json', None)
    """
    result = re.fullmatch(rf"\.(.+)\.[a-z0-9_]{{8}}{re.escape(PARTIAL)}", temporary.name)
    return temporary.with_name(result[1]) if result else None


def sweep(folder: Path, target: Path | None = None) -> None:
    """Remove leftovers of killed processes in a folder, or of one of its files."""
    for path in folder.glob(f".*{PARTIAL}"):
        becomes = target_of(path)
        if becomes is not None and target in (None, becomes) and abandoned(path):
            path.unlink(missing_ok=True)


def _umask() -> int:
    """The umask of the user, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def write_text(target: Path, text: str) -> None:
    """Write a text file atomically."""
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(target: Path, record: Any) -> None:
    """Write a record as readable JSON, atomically."""
    write_text(target, json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def fingerprint(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
