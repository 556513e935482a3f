"""Labels in a WebDataset archive: beside 0001.jpg is 0001.cls or 0001.json.

Files whose names are the same up to the first dot belong to one sample. A .cls holds the class; of a .json object the
entry 'label' or 'class' is used.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath
from typing import Any

LABELLED = (".cls", ".json")
NAMES = ("label", "class", "cls")


def key(name: str) -> str:
    """The common name of the files of a sample.

    >>> key("shells/0001.left.jpg"), key("v1.2/7.cls")
    ('shells/0001', 'v1.2/7')
    """
    path = PurePosixPath(name)
    return (path.parent / path.name.partition(".")[0]).as_posix()


def label_files(pictures: Sequence[str], members: Collection[str]) -> list[str] | None:
    """For each picture the member with its label; None where it has none.

    >>> label_files(["1.jpg", "2.jpg"], ["1.jpg", "1.cls", "2.cls", "2.jpg"])
    ['1.cls', '2.cls']
    """
    for suffix in LABELLED:
        held = {key(name): name for name in members if name.endswith(suffix)}
        if held and all(key(picture) in held for picture in pictures):
            return [held[key(picture)] for picture in pictures]
    return None


def parsed(name: str, data: bytes) -> Any | None:
    """The label in a member of this name: a number, or a string; None where there is none.

    >>> parsed("1.cls", b"7"), parsed("1.cls", b"shell"), parsed("1.json", b'{"label": "shell"}')
    (7, 'shell', 'shell')
    """
    try:
        text = data.decode("utf-8").strip()
        if name.endswith(".cls"):
            return int(text) if text.removeprefix("-").isdecimal() else text or None
        record = json.loads(text)
    except ValueError:
        return None
    result = next((record[each] for each in NAMES if each in record), None) if isinstance(record, dict) else None
    return result if isinstance(result, int | str) else None
