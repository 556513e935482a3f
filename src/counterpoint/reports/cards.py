"""Items on a page, each with its picture, text or cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from counterpoint.interfaces import Items, info_of
from counterpoint.modality import Modality
from counterpoint.reports.columns import Columns, columns
from counterpoint.reports.thumbnails import Thumbnail, shown

SIDE, LETTERS = 160, 300
"""Pixels of a picture's side, and characters of a text."""


@dataclass(frozen=True)
class Card:
    """An item on the page: its name, picture, text, and cells, as far as it has them."""

    name: str
    picture: Thumbnail
    text: str
    cells: Sequence[tuple[str, Any]]


def cards(modality: Modality, parts: Sequence[Items], rows: Sequence[int]) -> dict[int, Card]:
    """The cards of some rows, by row; those of the second part follow those of the first."""
    result: dict[int, Card] = {}
    start = 0
    for items in parts:
        here = np.asarray([row - start for row in rows if start <= row < start + len(items)], dtype=np.int64)
        pictures, cells = shown(modality, items, here, side=SIDE), columns(modality, items, here)
        for place, row in enumerate(here.tolist()):
            result[start + row] = _card(items, row, pictures[place], cells, place)
        start += len(items)
    return result


def _card(items: Items, row: int, picture: Thumbnail, shown_columns: Columns, place: int) -> Card:
    texts = info_of(items).texts
    cells = list(zip(shown_columns.names, shown_columns.rows[place], strict=True)) if shown_columns.rows else []
    return Card(items.names[row], picture, "" if texts is None else texts[row][:LETTERS], cells)
