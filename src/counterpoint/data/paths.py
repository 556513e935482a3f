"""Paths that were given by people, and what to say when nothing is there."""

from __future__ import annotations

from pathlib import Path

from counterpoint.errors import SourceError, closest, listed


def existing(source: str | Path) -> Path:
    """The path, if something is there; else a ``SourceError`` that knows the neighbours."""
    path = Path(source).expanduser()
    if path.exists():
        return path
    if "://" in str(source):
        raise SourceError(f"'{source}' is an address, and nothing is downloaded. Give a path on this machine.")
    above = next(folder for folder in path.absolute().parents if folder.is_dir())
    missing = path.absolute().relative_to(above).parts[0]
    neighbours = sorted(each.name for each in above.iterdir() if not each.name.startswith("."))
    held = f" It holds {listed(neighbours, 5)}." if neighbours else " It is empty."
    suggestion = closest(missing, neighbours)
    raise SourceError(f"There is no '{source}': the folder '{above}' has no '{missing}'.{suggestion or held}")
