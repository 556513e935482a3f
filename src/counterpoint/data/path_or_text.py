"""A string that was given as a source: the path of something, or a text itself."""

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
"""Characters beyond which a string is no path that anybody typed."""


def is_text(source: str) -> bool:
    """Whether a string is no path: nothing lies there, it holds no slash, and it ends as no file does.

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
