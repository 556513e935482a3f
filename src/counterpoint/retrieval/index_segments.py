"""Segments of an index: the interface of their backends, and how a segment is opened and checked."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32

from counterpoint.errors import RunError, counted
from counterpoint.retrieval.exact_scan import ExactScan, Nearest, exact_nearest
from counterpoint.retrieval.faiss_lists import FILE as FAISS
from counterpoint.retrieval.faiss_lists import FaissLists
from counterpoint.retrieval.index_record import (
    ITEMS,
    REMEDY,
    VECTORS,
    IndexRecord,
    SegmentRecord,
    deletions_file,
    require_unchanged,
    segment_folder,
)
from counterpoint.retrieval.sign_scan import FILES, SignScan
from counterpoint.storage.files import fingerprint
from counterpoint.storage.mapped_arrays import MappedArray
from counterpoint.storage.seals import is_sealed

LOG = logging.getLogger("counterpoint")

EXACT_BELOW = 20_000
"""Exact search is used where a filter allows at most so many vectors, or a twentieth of all."""


@runtime_checkable
class Backend(Protocol):
    """A way to search the vectors of a segment."""

    name: str

    def __init__(self, folder: Path, vectors: MappedArray, settings: Mapping[str, int]) -> None: ...

    def settings(self) -> dict[str, int]:
        """The settings of ``__init__``, as they are now."""
        ...

    def grid(self) -> Iterator[dict[str, int]]:
        """Settings to choose from, from the fastest to the most thorough."""
        ...

    def apply(self, settings: Mapping[str, int]) -> None:
        """Search with these settings from now on."""
        ...

    def nearest(self, queries: Float32[np.ndarray, "q d"], k: int, allowed: Bool[np.ndarray, " n"] | None) -> Nearest:
        """The ``k`` rows most similar to every query among the allowed ones; -1 where fewer are reached."""
        ...


BACKENDS: Mapping[str, type[Backend]] = {"exact": ExactScan, "scan": SignScan, "faiss": FaissLists}
BACKEND_FILES: Mapping[str, Sequence[str]] = {"exact": (), "scan": FILES, "faiss": (FAISS,)}


@dataclass(frozen=True)
class Segment:
    """Some of the vectors of an index, and their backend."""

    record: SegmentRecord
    vectors: MappedArray
    backend: Backend

    def __len__(self) -> int:
        return len(self.vectors.array)

    def nearest(self, queries: Float32[np.ndarray, "q d"], k: int, allowed: Bool[np.ndarray, " n"] | None) -> Nearest:
        """As the backend does, but always ``k`` rows where so many are allowed."""
        count = len(self) if allowed is None else int(np.count_nonzero(allowed))
        if count == 0 or (allowed is not None and count <= max(EXACT_BELOW, len(self) // 20)):
            return exact_nearest(self.vectors, queries, k, allowed)
        result = self.backend.nearest(queries, k, allowed)
        (incomplete,) = np.nonzero(result.rows[:, min(k, count) - 1] < 0)
        if len(incomplete):
            exact = exact_nearest(self.vectors, queries[incomplete], k, allowed)
            result.rows[incomplete], result.similarities[incomplete] = exact
        return result


def open_segment(path: Path, record: SegmentRecord, length: int) -> Segment:
    """The segment of a record.

    Raises:
        RunError: A file is missing, damaged, or does not fit the record.
    """
    folder = segment_folder(path, record["number"])
    require_files(folder, record, all_of_them=False)
    vectors = MappedArray(folder / VECTORS, "<f4", (record["rows"], length))
    settings: Any = record["settings"]
    backend = BACKENDS[record["backend"]]
    if record["backend"] == "faiss" and not is_sealed(record.get("faiss_seal"), FAISS, record["files"][FAISS]):
        LOG.warning("'%s' was written elsewhere and is not read: exact search is used instead.", folder / FAISS)
        backend = ExactScan
    try:
        return Segment(record, vectors, backend(folder, vectors, settings))
    except KeyError as wrong:
        raise RunError(f"'{path}' is damaged: its record lacks {wrong}. {REMEDY}") from wrong


def require_files(folder: Path, record: SegmentRecord, *, all_of_them: bool) -> None:
    """Refuse a segment with a file that is missing or was changed; see ``require_unchanged``."""
    expected = frozenset({VECTORS, ITEMS, *BACKEND_FILES[record["backend"]]})
    require_unchanged(folder, record["files"], expected, all_of_them=all_of_them)


def rows_alive(path: Path, record: IndexRecord) -> Bool[np.ndarray, " n"] | None:
    """Which rows were not deleted; None for all.

    Raises:
        RunError: The file that marks them is missing or damaged.
    """
    deleted = record["deleted"]
    if deleted is None:
        return None
    file, rows = deletions_file(path, deleted["number"]), sum(each["rows"] for each in record["segments"])
    if not file.is_file() or fingerprint(file) != deleted["file"]:
        raise RunError(f"'{file}' is missing or was changed. {REMEDY}")
    mask = np.array(MappedArray(file, "|b1", (rows,)).array.view(np.uint8) == 0)
    if int(np.count_nonzero(~mask)) != deleted["rows"]:
        raise RunError(f"'{file}' is damaged: it marks {counted(int((~mask).sum()), 'row')}. {REMEDY}")
    return mask
