"""The page of an audit: what to do next, the queue with its items, shortcuts and classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint import __version__
from counterpoint.interfaces import Items, info_of
from counterpoint.modality import Modality
from counterpoint.reports.columns import Columns, columns
from counterpoint.reports.template import template
from counterpoint.reports.thumbnails import Thumbnail, shown
from counterpoint.storage.files import write_text

SIDE, LETTERS = 160, 300
"""Pixels of a picture's side, and characters of a text."""

SHOWN, CLASSES = 200, 30
"""Entries of the queue, and classes, on the page."""


@dataclass(frozen=True)
class Card:
    """An item on the page: its name, picture, text, and cells, as far as it has them."""

    name: str
    picture: Thumbnail
    text: str
    cells: Sequence[tuple[str, Any]]


def write_audit(path: Path, result: Mapping[str, Any], modality: Modality | None, parts: Sequence[Items]) -> Path:
    """Write the page of an audit, with its items where there is data, and return its path.

    ``parts`` are the items and those of the test set, whose rows follow.
    """
    entries = result["queue"][:SHOWN]
    partners = [each["partner"] for entry in entries for each in entry["reasons"] if each.get("partner") is not None]
    rows = sorted({*(entry["index"] for entry in entries), *partners})
    cards = _cards(modality, parts, rows) if modality is not None else {}
    checks = Counter(each["check"] for entry in result["queue"] for each in entry["reasons"])
    page = template("audit").render(
        result=result,
        entries=entries,
        cards=cards,
        checks=checks,
        counts=list((result.get("balance") or {}).get("counts", {}).items())[:CLASSES],
        name=path.parent.name,
        version=__version__,
    )
    write_text(path, page)
    return path


def _cards(modality: Modality, parts: Sequence[Items], rows: Sequence[int]) -> dict[int, Card]:
    cards: dict[int, Card] = {}
    start = 0
    for items in parts:
        here = np.asarray([row - start for row in rows if start <= row < start + len(items)], dtype=np.int64)
        pictures, cells = shown(modality, items, here, side=SIDE), columns(modality, items, here)
        for place, row in enumerate(here.tolist()):
            cards[start + row] = _card(items, row, pictures[place], cells, place)
        start += len(items)
    return cards


def _card(items: Items, row: int, picture: Thumbnail, shown_columns: Columns, place: int) -> Card:
    texts = info_of(items).texts
    cells = list(zip(shown_columns.names, shown_columns.rows[place], strict=True)) if shown_columns.rows else []
    return Card(items.names[row], picture, "" if texts is None else texts[row][:LETTERS], cells)
