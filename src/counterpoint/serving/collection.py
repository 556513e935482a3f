"""What is served: an index and, as far as they are available, its model and its items."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Int64
from pyarrow import compute

from counterpoint.errors import InputError
from counterpoint.interfaces import Batch, Items
from counterpoint.modality import ShowsPictures
from counterpoint.model import Model
from counterpoint.reports.columns import columns
from counterpoint.retrieval.index import Index
from counterpoint.retrieval.item_filters import PREFIX
from counterpoint.retrieval.item_table import KNOWN
from counterpoint.serving.http_errors import NotAvailable

TEXT = 2000
"""Characters of a text that are shown."""

CELLS = 12
"""Columns of an item that are shown if only the index has them."""

SUGGESTIONS = 3
"""Names that are suggested for an unknown one."""

LARGEST = 1_000_000
"""Items of the largest collection with a map, clusters and duplicates."""


@dataclass(frozen=True)
class Collection:
    """An index, the model that made its vectors, and the items; all but the index may be absent."""

    name: str
    index: Index
    model: Model | None = None
    items: Items | None = None
    run: Path | None = None
    """The folder with the verdict and the scores."""
    folder: Path | None = None
    """Where results may be stored."""
    reading: threading.Lock = field(default_factory=threading.Lock, compare=False)
    """Guards ``items``: not every source can be read by two threads."""

    def __len__(self) -> int:
        return len(self.index)

    @property
    def rows(self) -> int:
        """Rows of the index, deleted ones included."""
        return len(self.index.items)

    @cached_property
    def places(self) -> Int64[np.ndarray, " n"]:
        """The index into ``items`` for every row, by name; -1 for an item that is absent from them."""
        if self.items is None:
            return np.full(self.rows, -1, dtype=np.int64)
        names = pa.array([str(name) for name in self.items.names], pa.string())
        places = compute.index_in(self.index.items.column("name"), value_set=names)
        return np.asarray(compute.fill_null(places, -1).to_numpy(), dtype=np.int64)

    @cached_property
    def shows_pictures(self) -> bool:
        """Whether at least some items can be shown as pictures."""
        if self.model is None or not isinstance(self.model.modality, ShowsPictures):
            return False
        return bool((self.places >= 0).any())

    def vectors(self) -> Float32[np.ndarray, "n d"]:
        """The vectors of all rows.

        Raises:
            InputError: The collection is too large for what needs all of them at once.
        """
        if self.rows > LARGEST:
            raise InputError(f"This works for collections of up to {LARGEST:,} items. This one has {self.rows:,}.")
        parts = [segment.vectors.array for segment in self.index.segments]
        vectors: np.ndarray = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return vectors

    def row(self, like: str | int) -> int:
        """The row of an item, by its name or its row.

        Raises:
            NotAvailable: There is no such item, or it was deleted.
        """
        row = self.index.find(like) if isinstance(like, str) else like
        if row is None and isinstance(like, str) and like.isdecimal():
            row = int(like)
        if row is None:
            raise NotAvailable(f"There is no item '{str(like)[:80]}'.{self._suggestions(str(like))}")
        if not 0 <= row < self.rows or not (self.index.alive is None or self.index.alive[row]):
            raise NotAvailable(f"There is no item in row {row}: rows are numbered 0 to {self.rows - 1}.")
        return row

    def _suggestions(self, name: str) -> str:
        """Some names that contain this one; edit distances to a million names would take seconds."""
        names = self.index.items.column("name")
        near = names.filter(compute.match_substring(names, name, ignore_case=True)).slice(0, SUGGESTIONS).to_pylist()
        return f" Names that contain it: {', '.join(repr(each) for each in near)}." if near else ""

    def item(self, row: int) -> Batch | None:
        """An item as a batch of one, from the source or, for a text, from the index; None if neither has it."""
        if self.model is None:
            return None
        with self.reading:
            if self.items is not None and self.places[row] >= 0:
                return self.items.take(self.places[[row]])
        text = self.index.items.column("text")[row].as_py()
        return None if text is None else self.model.modality.open([text]).take(np.zeros(1, np.int64))

    def cards(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """What the page shows of items: name, label, and the text, picture or columns that there are."""
        cards = []
        for row, known in zip(rows, self.index.about(rows), strict=True):
            card = {"row": row, "name": known["name"], "label": known.get("label")}
            if "text" in known:
                card["text"] = shorten(known["text"], TEXT, placeholder=" ...")
            if self.shows_pictures and self.places[row] >= 0:
                card["picture"] = f"/items/{row}/picture"
            metadata = [(name, value) for name, value in known.items() if name not in KNOWN]
            if metadata and "text" not in known and "picture" not in card:
                card["cells"] = [{"name": name, "text": str(value)} for name, value in metadata[:CELLS]]
            cards.append(card)
        self._add_cells(cards)
        return cards

    def _add_cells(self, cards: Sequence[dict[str, Any]]) -> None:
        """Give items that have columns their cells as the model reads them, with series as curves."""
        plain = [card for card in cards if "picture" not in card and "text" not in card]
        plain = [card for card in plain if self.places[card["row"]] >= 0]
        if self.model is None or not plain:
            return
        with self.reading:
            shown = columns(self.model.modality, self.items, self.places[[card["row"] for card in plain]])
        for card, cells in zip(plain, shown.rows, strict=False):
            card["cells"] = [
                {"name": name, "text": cell.text, **({"points": cell.points} if cell.points else {})}
                for name, cell in zip(shown.names, cells, strict=True)
            ]

    def column(self, name: str) -> pa.ChunkedArray:
        """A column of the index.

        Raises:
            NotAvailable: There is no such column.
        """
        columns: Mapping[str, pa.ChunkedArray] = self.index.columns
        if name not in columns:
            raise NotAvailable(f"There is no column '{name[:80]}'.")
        return columns[name]

    @cached_property
    def category_columns(self) -> list[str]:
        """The columns that can colour the map, label and group first: numeric ones, and those whose values repeat."""
        names = [name for name in self.column_names() if name not in ("name", "text")]
        names.sort(key=lambda name: name not in ("label", "group"))
        return [name for name in names if self._is_category(self.column(name))]

    def _is_category(self, column: pa.ChunkedArray) -> bool:
        numeric = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        return numeric or len(compute.unique(column)) <= len(column) / 2

    def column_names(self) -> list[str]:
        """The names that a filter may use."""
        return [name for name in self.index.columns if not name.startswith(PREFIX)]
