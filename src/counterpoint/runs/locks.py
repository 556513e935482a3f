"""One writer at a time in a folder, by a lock that the system releases when its holder ends, however it ends.

OUT/.lock    held with flock; its contents (process, machine, time) are only for messages
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import inspect
import json
import os
import platform
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ParamSpec, TypeVar

from counterpoint.data.vectors import is_vectors
from counterpoint.errors import RunError
from counterpoint.storage.files import LOCK, UNSUPPORTED, expanded, sweep
from counterpoint.training.distributed import launched

TRIES = 100

ANOTHER = "choose another --out"
"""What to do about a folder that a verb creates."""

A_COPY = "work on a copy of it"
"""What to do about a run folder that a verb writes results to."""

P = ParamSpec("P")
R = TypeVar("R")


def holds_out(verb: Callable[P, R]) -> Callable[P, R]:
    """The verb, holding the folder of ``out=...``; of several processes the first holds it."""

    @functools.wraps(verb)
    def holding(*args: P.args, **kwargs: P.kwargs) -> R:
        out = kwargs.get("out")
        if not isinstance(out, str | Path) or not launched().first:
            return verb(*args, **kwargs)
        with locked(expanded(out)):
            return verb(*args, **kwargs)

    return holding


def holds_run(verb: Callable[P, R]) -> Callable[P, R]:
    """The verb, holding the run of its first argument, if that is a folder: results are written there."""
    name = next(iter(inspect.signature(verb).parameters))

    @functools.wraps(verb)
    def holding(*args: P.args, **kwargs: P.kwargs) -> R:
        run = args[0] if args else kwargs.get(name)
        if not isinstance(run, str | Path) or not expanded(run).is_dir() or is_vectors(run):
            return verb(*args, **kwargs)
        with locked(expanded(run), instead=A_COPY):
            return verb(*args, **kwargs)

    return holding


@contextlib.contextmanager
def locked(folder: Path, *, instead: str = ANOTHER) -> Iterator[None]:
    """Hold a folder, which is created if needed, and remove incomplete files of killed processes in it.

    A folder that was created, and is still empty in the end, is removed again. ``instead`` is the advice if it
    cannot be held.

    Raises:
        RunError: Another process holds it, or it is a file, or cannot be written to.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"'{folder}' is a file; give a folder for --out.")
    file = folder.absolute() / LOCK
    made = [each for each in file.parents if not each.exists()]
    try:
        handle = _held(file, folder, instead)
        try:
            yield
        finally:
            file.unlink(missing_ok=True)  # while it is held, so that no other process's lock is removed
            os.close(handle)
    finally:
        for each in made:
            with contextlib.suppress(OSError):  # it is not empty
                each.rmdir()


def occupied(folder: Path) -> bool:
    """Whether a folder contains anything besides its lock."""
    return folder.is_dir() and any(each.name != LOCK for each in folder.iterdir())


def _held(file: Path, folder: Path, instead: str) -> int:
    """The open lock file of a folder, locked and signed."""
    try:
        for _ in range(TRIES):
            with contextlib.suppress(FileNotFoundError):  # another process has removed the file or the folder meanwhile
                file.parent.mkdir(parents=True, exist_ok=True)
                handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
                if _taken(handle, file, folder, instead):
                    return handle
    except OSError as wrong:
        raise RunError(f"'{folder}' cannot be written to: {wrong.strerror}. {instead.capitalize()}.") from wrong
    raise RunError(f"'{folder}' is made and removed by other processes just now. {instead.capitalize()}.")


def _taken(handle: int, file: Path, folder: Path, instead: str) -> bool:
    """Lock an open file and sign it; False, and it is closed, where the path is another file by now."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(handle), file.stat()):
            os.close(handle)
            return False
        sweep(file.parent)
    except OSError as wrong:
        if wrong.errno not in UNSUPPORTED:
            message = _busy(handle, folder, instead)
            os.close(handle)
            if isinstance(wrong, BlockingIOError):
                raise RunError(message) from None
            raise
        warnings.warn(f"'{folder}' cannot be locked: let no other process write into it.", stacklevel=6)
    since = time.strftime("%Y-%m-%d %H:%M")
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps({"process": os.getpid(), "machine": platform.node(), "since": since}).encode(), 0)
    return True


def _busy(handle: int, folder: Path, instead: str) -> str:
    """The message for a folder that another process holds."""
    try:
        held = json.loads(os.pread(handle, 1000, 0))
        who = f"process {held['process']} on {held['machine']} since {held['since']}"
    except (ValueError, KeyError, TypeError):  # it has not been signed yet
        who = "another process"
    return f"'{folder}' is being written by {who}. Wait for it, stop it, or {instead}."
