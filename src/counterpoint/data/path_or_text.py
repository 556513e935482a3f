"""A string given as a source: a path, or a text."""

from __future__ import annotations

from pathlib import Path

from counterpoint.data.arrays import SUFFIXES as ARRAYS
from counterpoint.data.decode import SUFFIXES as PICTURES
from counterpoint.data.frames import SUFFIXES as COLUMNS
from counterpoint.data.frames import suffix_of
from counterpoint.data.texts import DOCUMENTS
from counterpoint.storage.files import is_there

FILES = {*ARRAYS, *PICTURES, *COLUMNS, *DOCUMENTS, ".tar", ".zip"}

LONGEST_PATH = 1024
"""Characters beyond which a string is not a path that somebody typed."""


def is_text(source: str) -> bool:
    """Whether a string is not a path: it does not exist, has no slash, and no suffix of a file.

    >>> is_text("nothing like this was seen before"), is_text("notes/may.txt"), is_text("shells.zip")
    (True, False, False)
    """
    if not source.strip() or "\n" in source or len(source) > LONGEST_PATH:
        return True
    if "/" in source or "\\" in source or source.startswith("sample:") or _ends_as_files_do(source):
        return False
    return not is_there(source)


def _ends_as_files_do(source: str) -> bool:
    return Path(source).suffix.lower() in FILES or suffix_of(source) in FILES
