"""Paths that were given by people, and what to say when nothing is there."""

from __future__ import annotations

import glob
from pathlib import Path

from counterpoint.errors import SourceError, closest, listed


def expanded(path: str | Path) -> Path:
    """The path with ``~`` replaced by the home folder, where there is one.

    >>> expanded("~no such person/a.jpg").name
    'a.jpg'
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:  # nobody is called so: then it is a name like any other
        return Path(path)


def existing(source: str | Path) -> Path:
    """The path, if something is there; else a ``SourceError`` that knows the neighbours."""
    path = expanded(source)
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


def is_pattern(source: object) -> bool:
    """Whether this is a path with wildcards, such as ``photos/**/*.jpg``, and no file is called so."""
    if not isinstance(source, str | Path) or "://" in str(source):
        return False
    return glob.has_magic(str(source)) and not expanded(source).exists()


def matching(pattern: str | Path) -> tuple[Path, list[Path]]:
    """The folder above the first part with a wildcard, and what matches, sorted; nothing that is hidden."""
    parts = expanded(pattern).absolute().parts
    root = Path(*parts[: next(place for place, part in enumerate(parts) if glob.has_magic(part))])
    wild = "/".join(parts[len(root.parts) :])
    return root, [path for path in sorted(root.glob(wild)) if "/." not in f"/{path.relative_to(root).as_posix()}"]


def matched(pattern: str | Path) -> tuple[Path, list[Path]]:
    """As ``matching``; a ``SourceError`` where nothing does."""
    root, found = matching(pattern)
    if not found:
        existing(root)
        raise SourceError(f"Nothing in the folder '{root}' matches '{pattern}'. Are the files called so?")
    return root, found
