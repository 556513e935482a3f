"""The segments of an index: what every backend promises, and how one is opened, or refused, from its folder."""

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

FEW = 20_000
"""So many vectors are searched one by one where a filter leaves no more, or a twentieth of all."""


@runtime_checkable
class Backend(Protocol):
    """How the vectors of a segment are searched."""

    name: str

    def __init__(self, folder: Path, vectors: MappedArray, settings: Mapping[str, int]) -> None: ...

    def settings(self) -> dict[str, int]:
        """What ``__init__`` is given."""
        ...

    def efforts(self) -> Iterator[dict[str, int]]:
        """Settings to try, from the quickest to the most thorough."""
        ...

    def tried(self, effort: Mapping[str, int]) -> None:
        """Search with some of those from now on."""
        ...

    def nearest(self, queries: Float32[np.ndarray, "q d"], k: int, allowed: Bool[np.ndarray, " n"] | None) -> Nearest:
        """The rows of the ``k`` most alike to every query among those that are allowed; -1 where fewer were met."""
        ...


BACKENDS: Mapping[str, type[Backend]] = {"exact": ExactScan, "scan": SignScan, "faiss": FaissLists}
OWN_FILES: Mapping[str, Sequence[str]] = {"exact": (), "scan": FILES, "faiss": (FAISS,)}


@dataclass(frozen=True)
class Segment:
    """Some of the vectors, and what searches them."""

    record: SegmentRecord
    vectors: MappedArray
    backend: Backend

    def __len__(self) -> int:
        return len(self.vectors.array)

    def nearest(self, queries: Float32[np.ndarray, "q d"], k: int, allowed: Bool[np.ndarray, " n"] | None) -> Nearest:
        """As a backend, but with ``k`` for each query wherever there are so many."""
        count = len(self) if allowed is None else int(np.count_nonzero(allowed))
        if count == 0 or (allowed is not None and count <= max(FEW, len(self) // 20)):
            return exact_nearest(self.vectors, queries, k, allowed)
        result = self.backend.nearest(queries, k, allowed)
        (short,) = np.nonzero(result.rows[:, min(k, count) - 1] < 0)
        if len(short):
            again = exact_nearest(self.vectors, queries[short], k, allowed)
            result.rows[short], result.similarities[short] = again
        return result


def open_segment(path: Path, record: SegmentRecord, length: int) -> Segment:
    """A segment, as its record says, or a refusal."""
    folder = segment_folder(path, record["number"])
    require_files(folder, record, all_of_them=False)
    vectors = MappedArray(folder / VECTORS, "<f4", (record["rows"], length))
    settings: Any = record["settings"]
    backend = BACKENDS[record["backend"]]
    if record["backend"] == "faiss" and not is_sealed(record.get("faiss_seal"), FAISS, record["files"][FAISS]):
        LOG.warning("'%s' was written elsewhere and is not read: its vectors are searched one by one.", folder / FAISS)
        backend = ExactScan
    try:
        return Segment(record, vectors, backend(folder, vectors, settings))
    except KeyError as wrong:
        raise RunError(f"'{path}' is damaged: its record lacks {wrong}. {REMEDY}") from wrong


def require_files(folder: Path, record: SegmentRecord, *, all_of_them: bool) -> None:
    """Refuse a segment of which a file is missing or was changed."""
    expected = frozenset({VECTORS, ITEMS, *OWN_FILES[record["backend"]]})
    require_unchanged(folder, record["files"], expected, all_of_them=all_of_them)


def rows_alive(path: Path, record: IndexRecord) -> Bool[np.ndarray, " n"] | None:
    """Which rows were not deleted; None where all are there."""
    deleted = record["deleted"]
    if deleted is None:
        return None
    file, rows = deletions_file(path, deleted["number"]), sum(each["rows"] for each in record["segments"])
    if not file.is_file() or fingerprint(file) != deleted["file"]:
        raise RunError(f"'{file}' is missing or was changed. {REMEDY}")
    mask = np.array(MappedArray(file, "|b1", (rows,)).array.view(np.uint8) == 0)
    if int(np.count_nonzero(~mask)) != deleted["rows"]:
        raise RunError(f"'{file}' is damaged: it names {counted(int((~mask).sum()), 'row')}. {REMEDY}")
    return mask
