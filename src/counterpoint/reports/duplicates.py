"""The page of near-duplicates: pairs side by side, the closest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint import __version__
from counterpoint.interfaces import Items
from counterpoint.modality import Modality
from counterpoint.reports.template import template
from counterpoint.reports.thumbnails import Thumbnail, shown
from counterpoint.storage.files import write_text

SIDE = 224
"""Side of a picture in pixels."""

SHOWN = 200
"""Pairs on the page."""

LETTERS = 400
"""Letters of a text that are shown."""


@dataclass(frozen=True)
class Side:
    """One item of a pair: its name, its picture, and its text where it has one."""

    name: str
    picture: Thumbnail
    text: str


def write_duplicates(path: Path, result: Mapping[str, Any], data: tuple[Modality, Items] | None) -> Path:
    """Write the page of a result of ``duplicates``, with pictures where the data has any; return its path."""
    pairs = result["pairs"][:SHOWN]
    rows = np.asarray([row for pair in pairs for row in pair["index"]], dtype=np.int64)
    modality, items = data or (None, None)
    pictures = shown(modality, items, rows, side=SIDE)
    sides = [
        [
            Side(pair[name], pictures[2 * place + which], pair.get("contents", ("", ""))[which][:LETTERS])
            for which, name in enumerate("ab")
        ]
        for place, pair in enumerate(pairs)
    ]
    drawn = template("duplicates").render(
        result=result, shown=list(zip(pairs, sides, strict=True)), name=path.stem, version=__version__
    )
    write_text(path, drawn)
    return path
