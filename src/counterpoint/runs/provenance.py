"""The provenance of a run, for its records: the command line, the working directory, the data."""

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
    """The folder that relative paths refer to; None where it was removed."""
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return None


def described(source: object) -> str | None:
    """The description of a source or of labels in a record: a path, or the type of an object."""
    if source is None or isinstance(source, str | Path):
        return None if source is None else str(_followed(source))
    return f"{type(source).__module__}.{type(source).__qualname__}"


def placed(name: str, source: object) -> dict[str, str | None]:
    """A source by its absolute path, if it is a file or a folder, with a seal."""
    path = Path(_followed(source)) if isinstance(source, str | Path) else None
    name_of_source, result = described(source), path is not None and (path.exists() or is_pattern(path))
    return run_folder.sealed(name, name_of_source, str(path.absolute()) if path is not None and result else None)


def _followed(source: str | Path) -> str | Path:
    """A path with ``~`` expanded, or a name as it is."""
    try:
        return expanded(source) if str(source).startswith("~") else source
    except InputError:  # it is not a path, but the name of a column
        return source
