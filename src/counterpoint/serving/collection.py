"""What is served: vectors to search in, and of their items whatever is at hand to show them by."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
from jaxtyping import Int64

from counterpoint.embeddings import Embeddings
from counterpoint.errors import InputError
from counterpoint.interfaces import Items, info_of
from counterpoint.model import Model
from counterpoint.modality import ShowsPictures
from counterpoint.reports.columns import columns
from counterpoint.serving.refusals import NotThere

LETTERS = 2000
"""Of a text that are shown."""

GROUPS = 10
"""Colours that can be told apart; all other labels share one."""

GUESSES = 3
"""Names that are offered where one is not there."""


@dataclass(frozen=True)
class Collection:
    """Vectors with names, the model that made them, and their items; all but the vectors may be missing."""

    name: str
    z: Embeddings
    model: Model | None = None
    items: Items | None = None
    """One for each vector, in the same order."""
    labels: Sequence[str] | None = None
    run: Path | None = None
    """The folder with the verdict and the scores."""
    folder: Path | None = None
    """Where what is computed once may be kept."""
    reading: threading.Lock = field(default_factory=threading.Lock)
    """Held while items are read: not every source can be read by two threads."""

    def __post_init__(self) -> None:
        for what, there in (("items", self.items), ("labels", self.labels)):
            if there is not None and len(there) != len(self.z):
                raise InputError(f"There are {len(self.z):,} vectors and {len(there):,} {what}; they must be the same.")

    def __len__(self) -> int:
        return len(self.z)

    @property
    def shows_pictures(self) -> bool:
        """Whether its items can be looked at."""
        return self.items is not None and self.model is not None and isinstance(self.model.modality, ShowsPictures)

    def row(self, like: str | int) -> int:
        """The row of an item by its name or its number.

        Raises:
            NotThere: There is none.
        """
        if isinstance(like, str):
            if like in self.z.places:
                return self.z.places[like]
            if not like.isdecimal():
                raise NotThere(f"No item is called '{like[:80]}'.{self._meant(like)}")
            like = int(like)
        if not 0 <= like < len(self):
            raise NotThere(f"Items are numbered 0 to {len(self) - 1}. Got {like}.")
        return like

    def _meant(self, name: str) -> str:
        """Some names that hold what was typed; to compare it with every name takes seconds where there are many."""
        low = name.lower()
        near = [each for each in self.z.names if low in each.lower()][:GUESSES]
        return f" Some that hold it: {', '.join(repr(each) for each in near)}." if near else ""

    def cards(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """What is shown of some items: name and label, and what there is of text, columns and picture."""
        texts = None if self.items is None else info_of(self.items).texts
        result: list[dict[str, Any]] = [{"row": row, "name": self.z.names[row]} for row in rows]
        for card, row in zip(result, rows, strict=True):
            if self.labels is not None:
                card["label"] = self.labels[row]
            if texts is not None:
                card["text"] = shorten(texts[row], LETTERS, placeholder=" ...")
            if self.shows_pictures:
                card["picture"] = f"/items/{row}/picture"
        if self.items is not None and self.model is not None and len(rows):
            self._add_cells(result, self.model, self.items, rows)
        return result

    def _add_cells(self, cards: Sequence[dict[str, Any]], model: Model, items: Items, rows: Sequence[int]) -> None:
        with self.reading:
            shown = columns(model.modality, items, np.asarray(rows, dtype=np.int64))
        for card, cells in zip(cards, shown.rows, strict=False):
            card["cells"] = [
                {"name": name, "text": cell.text, **({"points": cell.points} if cell.points else {})}
                for name, cell in zip(shown.names, cells, strict=True)
            ]


def grouped(values: Sequence[str]) -> tuple[list[str], Int64[np.ndarray, " n"], list[int]]:
    """The names of the most frequent values, the number of each one's name, and how often each is there.

    >>> names, number, counts = grouped(["a", "b", "a"])
    >>> names, number.tolist(), counts
    (['a', 'b'], [0, 1, 0], [2, 1])
    """
    counts = Counter(values)
    names = sorted(counts, key=lambda name: (-counts[name], name))
    shown = sorted(names) if len(names) <= GROUPS else names[:GROUPS]
    places: Mapping[str, int] = {name: place for place, name in enumerate(shown)}
    number = np.asarray([places.get(value, len(shown)) for value in values], dtype=np.int64)
    every = [counts[name] for name in shown]
    if len(names) > len(shown):
        every.append(len(values) - sum(every))
        shown = [*shown, f"{len(names) - len(shown)} more"]
    return shown, number, every
