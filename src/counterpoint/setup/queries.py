"""What a person means by an item: one of a source by its name or row, or one in a file or typed."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from counterpoint.modality import Modality, parse_query
from counterpoint.storage.files import expanded, is_file


class Outside(NamedTuple):
    """An item that is not among those of the source: what to open it from."""

    source: object


def meaning(like: str, names: Collection[str], source: object, modality: Modality) -> str | int | Outside:
    """The name or the row of an item, or what to open one from that is not among them.

    A name goes before a row, a row before a file, a file before what can be typed. What is none of these is returned as
    a name that nothing has.
    """
    for name in (like, _inside(like, source)):
        if name in names:
            return name
    if like.isdecimal():
        return int(like)
    query = like if is_file(like) else parse_query(modality, like)
    return like if query is None else Outside(query)


def _inside(like: str, source: object) -> str:
    """The name of a file in a folder, when it is given with the folder in front."""
    folder = expanded(source) if isinstance(source, str | Path) else None
    if folder is None or not folder.is_dir():
        return like
    path = (expanded(like) if is_file(like) else Path(like)).absolute()
    return path.relative_to(folder.absolute()).as_posix() if path.is_relative_to(folder.absolute()) else like
