"""Where a run came from, for its records: the command line, the folder that it was given in, the data."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from counterpoint.data.paths import is_pattern
from counterpoint.errors import InputError
from counterpoint.runs import run_folder
from counterpoint.storage.files import expanded


def command() -> str | None:
    """The command line, where there is one."""
    name = Path(sys.argv[0]).name
    return shlex.join(["counterpoint", *sys.argv[1:]]) if name in ("counterpoint", "__main__.py") else None


def directory() -> str | None:
    """The folder that relative paths are meant from; None where somebody has removed it."""
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return None


def described(source: object) -> str | None:
    """What a source or labels were, in a file: a path, or the type of an object."""
    if source is None or isinstance(source, str | Path):
        return None if source is None else str(_followed(source))
    return f"{type(source).__module__}.{type(source).__qualname__}"


def placed(name: str, source: object) -> dict[str, str | None]:
    """What a source was, where it can be found from any folder, if it is a file or a folder, and who says so."""
    path = Path(_followed(source)) if isinstance(source, str | Path) else None
    name_of_source, result = described(source), path is not None and (path.exists() or is_pattern(path))
    return run_folder.sealed(name, name_of_source, str(path.absolute()) if path is not None and result else None)


def _followed(source: str | Path) -> str | Path:
    """A path without ``~``, or a name as it is."""
    try:
        return expanded(source) if str(source).startswith("~") else source
    except InputError:  # it is no path, but the name of a column
        return source
