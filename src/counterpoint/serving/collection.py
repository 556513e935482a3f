"""What is served: an index to search in, and of its items whatever is at hand to show them by."""

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
from counterpoint.serving.refusals import NotThere

LETTERS = 2000
"""Of a text that are shown."""

CELLS = 12
"""Columns of an item that are shown, where only the index knows it."""

GUESSES = 3
"""Names that are offered where one is not there."""

LARGEST = 1_000_000
"""Items that are drawn on a map, or compared each with each; of more that is work for a command."""


@dataclass(frozen=True)
class Collection:
    """An index, the model that made it, and its items as they are; all but the index may be missing."""

    name: str
    index: Index
    model: Model | None = None
    items: Items | None = None
    run: Path | None = None
    """The folder with the verdict and the scores."""
    folder: Path | None = None
    """Where what is computed once may be kept."""
    reading: threading.Lock = field(default_factory=threading.Lock, compare=False)
    """Held while items are read: not every source can be read by two threads."""

    def __len__(self) -> int:
        return len(self.index)

    @property
    def rows(self) -> int:
        """Rows of the index, those of deleted items too."""
        return len(self.index.items)

    @cached_property
    def places(self) -> Int64[np.ndarray, " n"]:
        """Of every row where its item stands in the source, by its name; -1 where it is not there."""
        if self.items is None:
            return np.full(self.rows, -1, dtype=np.int64)
        there = pa.array([str(name) for name in self.items.names], pa.string())
        places = compute.index_in(self.index.items.column("name"), value_set=there)
        return np.asarray(compute.fill_null(places, -1).to_numpy(), dtype=np.int64)

    @cached_property
    def shows_pictures(self) -> bool:
        """Whether items can be looked at."""
        return (
            self.model is not None and isinstance(self.model.modality, ShowsPictures) and bool((self.places >= 0).any())
        )

    def vectors(self) -> Float32[np.ndarray, "n d"]:
        """The vectors of all rows.

        Raises:
            InputError: They are too many to be looked at all at once.
        """
        if self.rows > LARGEST:
            raise InputError(f"That is done here for up to {LARGEST:,} items, and these are {self.rows:,}.")
        parts = [segment.vectors.array for segment in self.index.segments]
        whole: np.ndarray = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return whole

    def row(self, like: str | int) -> int:
        """The row of an item by its name or its number.

        Raises:
            NotThere: There is none, or it was deleted.
        """
        row = self.index.find(like) if isinstance(like, str) else like
        if row is None and isinstance(like, str) and like.isdecimal():
            row = int(like)
        if row is None:
            raise NotThere(f"No item is called '{str(like)[:80]}'.{self._similar(str(like))}")
        if not 0 <= row < self.rows or not (self.index.alive is None or self.index.alive[row]):
            raise NotThere(f"There is no item in row {row}: rows are numbered 0 to {self.rows - 1}.")
        return row

    def _similar(self, name: str) -> str:
        """Some names that hold what was typed; to compare it with every name takes seconds where there are many."""
        names = self.index.items.column("name")
        near = names.filter(compute.match_substring(names, name, ignore_case=True)).slice(0, GUESSES).to_pylist()
        return f" Some that hold it: {', '.join(repr(each) for each in near)}." if near else ""

    def item(self, row: int) -> Batch | None:
        """An item as its modality has it: out of the source or, of a text, out of the index; None without either."""
        if self.model is None:
            return None
        with self.reading:
            if self.items is not None and self.places[row] >= 0:
                return self.items.take(self.places[[row]])
        text = self.index.items.column("text")[row].as_py()
        return None if text is None else self.model.modality.open([text]).take(np.zeros(1, np.int64))

    def cards(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """What is shown of some items: name and label, and what there is of text, columns and picture."""
        cards = []
        for row, known in zip(rows, self.index.about(rows), strict=True):
            card = {"row": row, "name": known["name"], "label": known.get("label")}
            if "text" in known:
                card["text"] = shorten(known["text"], LETTERS, placeholder=" ...")
            if self.shows_pictures and self.places[row] >= 0:
                card["picture"] = f"/items/{row}/picture"
            others = {name: each for name, each in known.items() if name not in KNOWN}
            if others and "text" not in known and "picture" not in card:
                card["cells"] = [{"name": name, "text": str(each)} for name, each in list(others.items())[:CELLS]]
            cards.append(card)
        self._add_cells(cards)
        return cards

    def _add_cells(self, cards: Sequence[dict[str, Any]]) -> None:
        """Of items with columns and at hand, their cells as the model reads them, series as curves."""
        some = [
            card for card in cards if self.places[card["row"]] >= 0 and "picture" not in card and "text" not in card
        ]
        if self.model is None or not some:
            return
        with self.reading:
            shown = columns(self.model.modality, self.items, self.places[[card["row"] for card in some]])
        for card, cells in zip(some, shown.rows, strict=False):
            card["cells"] = [
                {"name": name, "text": cell.text, **({"points": cell.points} if cell.points else {})}
                for name, cell in zip(shown.names, cells, strict=True)
            ]

    def column(self, name: str) -> pa.ChunkedArray:
        """A column of the index by its name.

        Raises:
            NotThere: There is none.
        """
        columns: Mapping[str, pa.ChunkedArray] = self.index.columns
        if name not in columns:
            raise NotThere(f"There is no column '{name[:80]}'.")
        return columns[name]

    def column_names(self) -> list[str]:
        """What a filter may name."""
        return [name for name in self.index.columns if not name.startswith(PREFIX)]
