"""An index: vectors on disk that are searched by similarity, with names, labels, groups and metadata columns.

The vectors are stored in segments, each with its own backend, whose results are merged. ``index_record`` describes the
folder, ``index_building`` creates and changes it.
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

from counterpoint.embeddings import unit
from counterpoint.errors import InputError, RunError, closest
from counterpoint.output.results import filled
from counterpoint.output.tables import columns as in_columns
from counterpoint.retrieval.exact_scan import Nearest, largest
from counterpoint.retrieval.index_record import ITEMS, REMEDY, IndexRecord, read_record, segment_folder
from counterpoint.retrieval.index_segments import Segment, open_segment, require_files, rows_alive
from counterpoint.retrieval.item_filters import PREFIX, matching
from counterpoint.retrieval.item_table import columns_of, joined, read_items
from counterpoint.retrieval.nearest import Hit, Hits
from counterpoint.storage.files import expanded

FILTERS = 8
"""Filters whose rows are cached."""


class Index:
    """Vectors to search in, opened from a folder by ``Index.open``."""

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
        """The index in a folder. Nothing that the folder names is executed, and no path in it is followed.

        Raises:
            RunError: There is no index, or it is unfinished, damaged or of another version.
        """
        path = expanded(folder)
        record = read_record(path)
        try:
            return cls._read(path, record)
        except RunError:
            current = read_record(path)
            if current == record:
                raise
            return cls._read(path, current)  # another process has changed it meanwhile

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
        lines = [("items", f"{len(self):,} of dimension {self.length}"), ("backend", self.backend)]
        if len(self) < len(self.items):
            lines.append(("deleted", f"{len(self.items) - len(self):,}"))
        return "\n".join(in_columns([*lines, ("recall@10", f"{self.recall:.3f} of exact search")]))

    @property
    def length(self) -> int:
        """The embedding dimension."""
        return self.record["length"]

    @property
    def model(self) -> str:
        """The fingerprint of the model that made the vectors; empty where unknown."""
        return self.record["model"]

    @property
    def backend(self) -> str:
        """The backend of the largest segment."""
        return max(self.segments, key=len).backend.name

    @property
    def recall(self) -> float:
        """The recall@10 against exact search, measured when the segments were built."""
        return sum(each.record["recall"] * len(each) for each in self.segments) / len(self.items)

    @cached_property
    def columns(self) -> Mapping[str, pa.ChunkedArray]:
        """The columns for filters: name, label, group and text where the items have them, and those of the source."""
        return columns_of(self.items)

    def summary(self) -> dict[str, Any]:
        """The index in figures, as JSON values."""
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
        """The ``k`` items most similar to each of several vectors (q, d), or to one (d,).

        There are fewer results only where the filter selects fewer items.

        Args:
            vectors: The queries; they need not be unit vectors, as the similarity is the cosine.
            k: The number of results.
            where: A filter on the items, such as ``price < 20 and label == 'shoe'``; see ``item_filters``.
            skip: A row to leave out for each query, or None.

        Raises:
            InputError: The vectors have another dimension or hold NaN, or the filter is not valid.
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
        """As ``search``, but arrays (q, k) of rows and similarities; row -1 where there are no more results."""
        if not isinstance(k, int | np.integer) or k < 1:
            raise InputError(f"k, the number of results, must be an integer of at least 1. Got {k!r}.")
        queries = self._queries(vectors)
        if skip is not None and len(skip) != len(queries):
            raise InputError(f"There are {len(queries)} queries but {len(skip)} rows to skip; give one for each.")
        allowed = self._selected(where)
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
        """The row of the item with this name; None where there is none, or it was deleted."""
        same = compute.equal(self.items.column("name"), name).to_numpy()
        rows = np.flatnonzero(same if self.alive is None else same & self.alive)
        return int(rows[0]) if len(rows) else None

    def row(self, name: str) -> int:
        """The row of the item with this name.

        Raises:
            InputError: There is none, or it was deleted.
        """
        return self.rows([name])[0]

    def rows(self, names: Sequence[str]) -> list[int]:
        """The row of every name; see ``row``."""
        for name in names:
            if not isinstance(name, str):
                raise InputError(f"Items are named by strings, such as '{name}'. Got {type(name).__name__}.")
        column = self.items.column("name")
        same = compute.is_in(column, value_set=pa.array(names, pa.string())).to_numpy()
        rows = np.flatnonzero(same if self.alive is None else same & self.alive)
        by_name = dict(zip(column.take(pa.array(rows)).to_pylist(), rows.tolist(), strict=True))
        for name in names:
            if name not in by_name:
                some = column.slice(0, 10_000).to_pylist()
                raise InputError(f"No item of the index is called '{name}'.{closest(name, some)}")
        return [by_name[name] for name in names]

    def vector(self, row: int) -> Float32[np.ndarray, " d"]:
        """The vector of a row.

        Raises:
            InputError: The row is out of range, or its item was deleted.
        """
        self._require_row(row)
        if self.alive is not None and not self.alive[row]:
            raise InputError(f"The item in row {row} was deleted from the index.")
        for segment in self.segments:
            if row < len(segment):
                vector: np.ndarray = np.array(segment.vectors.array[row])
                return vector
            row -= len(segment)
        raise AssertionError("the segments hold fewer rows than the table")

    def about(self, rows: Sequence[int] | np.ndarray) -> list[dict[str, Any]]:
        """Name, label, group, text and metadata of the items in some rows; fields without a value are left out."""
        for row in rows:
            self._require_row(int(row))
        records = self.items.take(pa.array(np.asarray(rows, dtype=np.int64))).to_pylist()
        return [filled({name.removeprefix(PREFIX): value for name, value in each.items()}) for each in records]

    def verify(self) -> None:
        """Check the digests of all files, the large ones that ``open`` skips included.

        Raises:
            RunError: A file was changed.
        """
        for each in self.record["segments"]:
            require_files(segment_folder(self.folder, each["number"]), each, all_of_them=True)

    def _require_row(self, row: int) -> None:
        if not 0 <= row < len(self.items):
            raise InputError(f"Rows are numbered 0 to {len(self.items) - 1}. Got {row}.")

    def _queries(self, vectors: Float[np.ndarray, "..."]) -> Float32[np.ndarray, "q d"]:
        try:
            queries = np.atleast_2d(np.asarray(vectors, dtype=np.float32))
        except (TypeError, ValueError) as wrong:
            raise InputError(
                f"A query is a vector of numbers, of the dimension {self.length}. Got {type(vectors).__name__}."
            ) from wrong
        if queries.ndim != 2 or queries.shape[1] != self.length:
            raise InputError(
                f"A query must have the dimension of the index, {self.length}. Got an array of shape "
                f"{np.shape(vectors)}."
            )
        if not np.isfinite(queries).all():
            raise InputError("A query holds NaN or infinity; give finite numbers only.")
        return unit(queries)

    def _selected(self, where: str | None) -> list[Bool[np.ndarray, " _"] | None]:
        """The rows of every segment that a filter selects and that are not deleted; None for all."""
        if where not in self._allowed:
            mask = self.alive
            if where is not None:
                matched = matching(where, self.columns)
                mask = matched if mask is None else matched & mask
            ends = np.cumsum([len(each) for each in self.segments])
            masks = [None] * len(ends) if mask is None else np.split(mask, ends[:-1])
            while len(self._allowed) >= FILTERS:
                self._allowed.pop(next(iter(self._allowed)))
            self._allowed[where] = [None if each is None or each.all() else each for each in masks]
        return self._allowed[where]
