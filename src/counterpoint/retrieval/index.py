r"""An index: vectors on the disk that are searched by similarity, with names, labels, groups and further columns.

Its vectors lie in segments, each with a backend of its own; what several segments give is merged. The folder is
described in ``index_record``, and changed by ``index_building``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Float32
from pyarrow import compute

from counterpoint.errors import InputError, RunError, closest
from counterpoint.output.results import filled
from counterpoint.output.tables import columns as in_columns
from counterpoint.retrieval.exact_scan import Nearest, largest
from counterpoint.retrieval.index_record import ITEMS, REMEDY, IndexRecord, read_record, segment_folder
from counterpoint.retrieval.index_segments import Segment, open_segment, require_files, rows_alive
from counterpoint.retrieval.item_filters import matching
from counterpoint.retrieval.item_table import PREFIX, columns_of, joined, read_items
from counterpoint.retrieval.nearest import Hit, Hits
from counterpoint.storage.files import expanded

FILTERS = 8
"""Filters that an index remembers the rows of."""


class Index:
    """Vectors to search in, opened from a folder; see ``Index.open``."""

    def __init__(
        self,
        folder: Path,
        record: IndexRecord,
        segments: Sequence[Segment],
        items: pa.Table,
        alive: Bool[np.ndarray, " n"] | None,
    ) -> None:
        self.folder, self.record, self.segments, self.items, self.alive = folder, record, segments, items, alive
        self._allowed: dict[str | None, list[Bool[np.ndarray, " _"] | None]] = {}

    @classmethod
    def open(cls, folder: str | Path) -> Index:
        """The index in a folder. No code runs that the folder names, and no path in it is followed.

        Raises:
            RunError: There is none, it is unfinished, damaged or of another version.
        """
        path = expanded(folder)
        record = read_record(path)
        try:
            return cls._read(path, record)
        except RunError:
            now = read_record(path)
            if now == record:
                raise
            return cls._read(path, now)  # it was changed meanwhile

    @classmethod
    def _read(cls, path: Path, record: IndexRecord) -> Index:
        segments = [open_segment(path, each, record["length"]) for each in record["segments"]]
        tables = [read_items(segment_folder(path, each["number"]) / ITEMS, each["rows"]) for each in record["segments"]]
        try:
            table = joined(tables)
        except (InputError, pa.ArrowException) as wrong:
            raise RunError(f"'{path}' is damaged: its segments have different columns. {REMEDY}") from wrong
        return cls(path, record, segments, table, rows_alive(path, record))

    def __len__(self) -> int:
        return len(self.items) if self.alive is None else int(np.count_nonzero(self.alive))

    def __repr__(self) -> str:
        return f"Index({len(self):,} x {self.length}, {self.backend}, model {self.model[:12]})"

    def __str__(self) -> str:
        shown = self.summary()
        lines = [("items", f"{shown['items']:,} of length {shown['length']}"), ("backend", shown["backend"])]
        if shown["deleted"]:
            lines.append(("deleted", f"{shown['deleted']:,}"))
        return "\n".join(in_columns([*lines, ("recall@10", f"{shown['recall']:.3f} of exact search")]))

    @property
    def length(self) -> int:
        """Numbers of a vector."""
        return self.record["length"]

    @property
    def model(self) -> str:
        """The fingerprint of the model that made the vectors; empty where nobody said."""
        return self.record["model"]

    @property
    def backend(self) -> str:
        """What searches the most of the vectors."""
        return max(self.segments, key=len).backend.name

    @property
    def recall(self) -> float:
        """Share of the ten most alike that are met, measured when the segments were built."""
        return sum(each.record["recall"] * len(each) for each in self.segments) / len(self.items)

    @cached_property
    def columns(self) -> Mapping[str, pa.ChunkedArray]:
        """What a filter may name: name, label, group and text, as far as they are known, and columns of the source."""
        return columns_of(self.items)

    def summary(self) -> dict[str, Any]:
        """What there is to say of it, as JSON can hold it."""
        return {
            "out": str(self.folder),
            "items": len(self),
            "deleted": len(self.items) - len(self),
            "length": self.length,
            "backend": self.backend,
            "recall": round(self.recall, 4),
            "segments": len(self.segments),
            "columns": [name for name in self.columns if not name.startswith(PREFIX)],
            "model": self.model,
        }

    def search(
        self,
        vectors: Float[np.ndarray, "..."],
        k: int = 10,
        where: str | None = None,
        *,
        skip: Sequence[int | None] | None = None,
    ) -> list[Hits]:
        """The ``k`` items most alike to each of some vectors (q, d), or to one (d,); fewer only where fewer are left.

        Args:
            vectors: Of any length other than 0; they are compared by direction.
            k: How many to find.
            where: Which items count, such as ``price < 20 and label == 'shoe'``; see ``item_filters``.
            skip: A row to leave out for each query, or None.

        Raises:
            InputError: They are of another length or hold NaN; or the filter cannot be read.
        """
        rows, similarities = self.nearest(vectors, k, where, skip=skip)
        shown = self.items.select(["name", "text"]).take(pa.array(np.maximum(rows, 0).reshape(-1)))
        names, texts = (np.array(each.to_pylist(), dtype=object).reshape(rows.shape) for each in shown.columns)
        every = zip(names.tolist(), rows.tolist(), similarities.tolist(), texts.tolist(), strict=True)
        return [Hits(Hit(*each) for each in zip(*one, strict=True) if each[1] >= 0) for one in every]

    def nearest(
        self,
        vectors: Float[np.ndarray, "..."],
        k: int = 10,
        where: str | None = None,
        *,
        skip: Sequence[int | None] | None = None,
    ) -> Nearest:
        """As ``search``, as arrays (q, k) of rows and similarities; of rows -1 where there are no more."""
        if k < 1:
            raise InputError(f"k, the number of neighbours, must be at least 1. Got {k}.")
        queries = self._queries(vectors)
        allowed = self._left(where)
        most = min(len(self.items), k + (skip is not None))
        parts, first = [], 0
        for segment, mask in zip(self.segments, allowed, strict=True):
            part = segment.nearest(queries, min(most, len(segment)), mask)
            parts.append(Nearest(np.where(part.rows < 0, -1, part.rows + first), part.similarities))
            first += len(segment)
        rows = np.concatenate([each.rows for each in parts], axis=1)
        similarities = np.concatenate([each.similarities for each in parts], axis=1)
        for query, row in enumerate(skip or ()):
            if row is not None:
                similarities[query, rows[query] == row] = -np.inf
        return largest(rows, similarities, min(k, len(self.items)))

    def find(self, name: str) -> int | None:
        """The row of the item with this name; None where none is called so, or it was deleted."""
        there = compute.equal(self.items.column("name"), name).to_numpy()
        places = np.flatnonzero(there if self.alive is None else there & self.alive)
        return int(places[0]) if len(places) else None

    def row(self, name: str) -> int:
        """The row of the item with this name.

        Raises:
            InputError: None is called so, or it was deleted.
        """
        return self.rows([name])[0]

    def rows(self, names: Sequence[str]) -> list[int]:
        """The row of every name."""
        there = compute.is_in(self.items.column("name"), value_set=pa.array(names, pa.string())).to_numpy()
        places = [int(row) for row in np.flatnonzero(there if self.alive is None else there & self.alive)]
        known = dict(zip(self.items.column("name").take(pa.array(places, pa.int64())).to_pylist(), places, strict=True))
        for name in names:
            if name not in known:
                some = self.items.column("name").slice(0, 10_000).to_pylist()
                raise InputError(f"No item of the index is called '{name}'.{closest(name, some)}")
        return [known[name] for name in names]

    def vector(self, row: int) -> Float32[np.ndarray, " d"]:
        """The vector in a row.

        Raises:
            InputError: There is no such row, or its item was deleted.
        """
        if not 0 <= row < len(self.items):
            raise InputError(f"Rows are numbered 0 to {len(self.items) - 1}. Got {row}.")
        if self.alive is not None and not self.alive[row]:
            raise InputError(f"The item in row {row} was deleted from the index.")
        for segment in self.segments:
            if row < len(segment):
                vector: np.ndarray = np.array(segment.vectors.array[row])
                return vector
            row -= len(segment)
        raise AssertionError("the segments hold fewer rows than the table")

    def about(self, rows: Sequence[int] | np.ndarray) -> list[dict[str, Any]]:
        """What is known of the items in some rows: name, label, group, text and columns, as far as they have them."""
        wanted = np.maximum(np.asarray(rows, dtype=np.int64), 0)
        held = self.items.take(pa.array(wanted)).to_pylist()
        return [filled({name.removeprefix(PREFIX): each[name] for name in each}) for each in held]

    def verify(self) -> None:
        """Compare the digests of all files, the large ones too, which ``open`` does not read.

        Raises:
            RunError: One was changed.
        """
        for each in self.record["segments"]:
            require_files(segment_folder(self.folder, each["number"]), each, all_of_them=True)

    def _queries(self, vectors: Float[np.ndarray, "..."]) -> Float32[np.ndarray, "q d"]:
        queries = np.atleast_2d(np.asarray(vectors, dtype=np.float32))
        if queries.ndim != 2 or queries.shape[1] != self.length:
            raise InputError(
                f"The vectors to look for must have the length of the index, {self.length}. Got an array of shape "
                f"{np.shape(vectors)}."
            )
        if not np.isfinite(queries).all():
            raise InputError("The vectors to look for hold NaN or infinity; give finite numbers only.")
        unit: np.ndarray = queries / np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), 1e-12)
        return unit

    def _left(self, where: str | None) -> list[Bool[np.ndarray, " _"] | None]:
        """Which rows of every segment are left by a filter and not deleted; None for all."""
        if where not in self._allowed:
            mask = self.alive
            if where is not None:
                matched = matching(where, self.columns)
                mask = matched if mask is None else matched & mask
            ends = np.cumsum([len(each) for each in self.segments])
            some = [None] * len(ends) if mask is None else np.split(mask, ends[:-1])
            while len(self._allowed) >= FILTERS:
                self._allowed.pop(next(iter(self._allowed)))
            self._allowed[where] = [None if each is None or each.all() else each for each in some]
        return self._allowed[where]
