"""Create an index and change it: new segments are written first, and then the record that makes them part of it.

A process that is killed at any moment leaves the index as it was; its files are removed by the next change. Deleted
rows are marked. A segment is rewritten without them when they are more than a quarter of it, or when at least as many
items are added as it has (the logarithmic method, Bentley & Saxe 1980, J. Algorithms 1:301). So the number of segments,
and how often a row is copied, grow with the logarithm of the number of items.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float32
from pyarrow import compute, parquet

from counterpoint import __version__
from counterpoint.embeddings import unit
from counterpoint.errors import InputError, counted
from counterpoint.retrieval import item_table
from counterpoint.retrieval.faiss_lists import FILE as FAISS
from counterpoint.retrieval.faiss_lists import write_faiss_lists
from counterpoint.retrieval.index import Index
from counterpoint.retrieval.index_record import (
    FORMAT,
    INDEX,
    ITEMS,
    VECTORS,
    SegmentRecord,
    deletions_file,
    read_record,
    require_free,
    segment_folder,
    swept,
)
from counterpoint.retrieval.index_segments import BACKEND_FILES, BACKENDS, Backend
from counterpoint.retrieval.recall import choose_settings
from counterpoint.retrieval.sign_scan import write_sign_scan
from counterpoint.runs.locks import A_COPY, locked
from counterpoint.storage.files import fingerprint, replacing, write_json, writing
from counterpoint.storage.mapped_arrays import MappedArray, write_array, write_rows
from counterpoint.storage.seals import seal

MANY = 200_000
"""Number of vectors from which on the default backend is the scan."""

FEWEST = 256
"""Number of vectors of a segment below which exact search is used whatever the backend."""

DELETED = 0.25
"""Share of deleted rows above which a segment is rewritten."""

BLOCK = 2**16
"""Vectors processed at once."""

WRITERS: dict[str, Callable[..., dict[str, int]]] = {"scan": write_sign_scan, "faiss": write_faiss_lists}

LEAST = 0.9
"""The recall@10 below which the default backend is exact search, and any other gives a warning."""

LOG = logging.getLogger("counterpoint")


class Part(NamedTuple):
    """Some vectors and the table of their items."""

    vectors: Float32[np.ndarray, "n d"]
    items: pa.Table


class Origin(NamedTuple):
    """The model of the vectors: its fingerprint, a digest of its preprocessing, its modality and its run folder."""

    model: str = ""
    preprocessing: str = ""
    modality: str | None = None
    run: str | None = None

    def record(self) -> dict[str, Any]:
        """For ``index.json``, with a seal that proves that this user wrote the path of the run."""
        return {**self._asdict(), "run_seal": None if self.run is None else seal(self.run, self.model)}


def create(folder: Path, parts: Iterable[Part], origin: Origin, *, backend: str = "auto") -> Index:
    """Build an index in a new or empty folder.

    Raises:
        InputError: The folder is not empty, there are no vectors, two items have the same name, or vectors hold NaN.
        MissingPackage: The backend is not installed.
    """
    if folder.is_dir():
        require_free(folder)
    with locked(folder):
        require_free(folder)
        number = swept(folder, None)
        with _cleaned_on_failure(folder):
            segment, length = _written(folder, number, parts, backend)
            record = {
                "format": FORMAT,
                "counterpoint": __version__,
                "length": length,
                **origin.record(),
                "backend": backend,
                "segments": [segment],
                "deleted": None,
            }
            write_json(folder / INDEX, record)
    return Index.open(folder)


def change(folder: Path, *, added: Sequence[Part] = (), deleted: Sequence[str] = ()) -> Index:
    """Delete items of an index by name and add others, in one step.

    Raises:
        InputError: A name does not exist, or already exists and is added; or no item would remain.
    """
    with locked(folder, instead=A_COPY):
        index = Index.open(folder)
        number = swept(folder, index.record)
        alive = np.ones(len(index.items), dtype=bool) if index.alive is None else index.alive.copy()
        alive[index.rows(list(dict.fromkeys(deleted)))] = False
        if not added and not alive.any():
            raise InputError(f"No item would remain in '{folder}'. Delete the folder instead.")
        _require_new(index, alive, added)
        masks = np.split(alive, np.cumsum([len(each) for each in index.segments])[:-1])
        kept = _kept(masks, sum(len(each.vectors) for each in added))
        rewritten = [place for place in range(len(masks)) if place not in kept and masks[place].any()]
        with _cleaned_on_failure(folder):
            segments = [index.segments[place].record for place in kept]
            if rewritten or added:
                old = (part for place in rewritten for part in _parts(index, place, masks[place]))
                segment, _ = _written(folder, number, chain(old, added), index.record["backend"], index.length)
                segments = [*segments, segment]
            new = [np.ones(each["rows"], dtype=bool) for each in segments[len(kept) :]]
            remaining = np.concatenate([masks[place] for place in kept] + new)
            record = {**index.record, "segments": segments, "deleted": _marked(folder, number, remaining)}
            write_json(folder / INDEX, record)
        changed = Index.open(folder)
        swept(folder, changed.record)
    return changed


def _kept(masks: Sequence[Bool[np.ndarray, " _"]], added: int) -> list[int]:
    """The segments that stay as they are; the others are rewritten, together with the added items."""
    kept = [place for place, mask in enumerate(masks) if np.count_nonzero(~mask) <= DELETED * len(mask)]
    merged = added + sum(int(np.count_nonzero(mask)) for place, mask in enumerate(masks) if place not in kept)
    while added and kept and np.count_nonzero(masks[kept[-1]]) <= merged:
        merged += int(np.count_nonzero(masks[kept.pop()]))
    return kept


def _parts(index: Index, place: int, mask: Bool[np.ndarray, " _"]) -> Iterator[Part]:
    """The remaining rows of a segment, block by block."""
    segment = index.segments[place]
    first = sum(len(each) for each in index.segments[:place])
    for start in range(0, len(mask), BLOCK):
        rows = np.flatnonzero(mask[start : start + BLOCK])
        if len(rows):
            items = index.items.slice(first + start, BLOCK).take(pa.array(rows))
            yield Part(segment.vectors.array[start : start + BLOCK][rows], items)
            segment.vectors.touched(BLOCK * index.length * 4)


def _require_new(index: Index, alive: Bool[np.ndarray, " n"], added: Sequence[Part]) -> None:
    """Refuse vectors of another dimension, and names that exist already."""
    for part in added:
        if part.vectors.shape[1] != index.length:
            raise InputError(
                f"The vectors have {part.vectors.shape[1]} dimensions, and those of the index {index.length}. Add "
                "vectors of the same model."
            )
        same = compute.is_in(index.items.column("name"), value_set=part.items.column("name").combine_chunks())
        rows = np.flatnonzero(same.to_numpy() & alive)
        if len(rows):
            name = index.items.column("name")[int(rows[0])].as_py()
            raise InputError(
                f"{counted(len(rows), 'item is', 'items are')} already in the index, such as '{name}'. To replace "
                f"items, delete them in the same command, --delete='{name}'; or leave them out of --add."
            )


def _written(
    folder: Path, number: int, parts: Iterable[Part], backend: str, length: int | None = None
) -> tuple[SegmentRecord, int]:
    """Write a segment: unit vectors, items and the files of its backend; and measure its recall."""
    place = segment_folder(folder, number)
    place.mkdir()
    with writing(place):
        rows, length = _write_items(place, parts, length)
        name = _backend_for(backend, rows)
        vectors = MappedArray(place / VECTORS, "<f4", (rows, length))
        searched, recall, queries = _write_backend(place, vectors, name)
        if backend == "auto" and recall < LEAST:  # the vectors form no clusters
            for file in BACKEND_FILES[name]:
                (place / file).unlink()
            name = "exact"
            searched, recall, queries = _write_backend(place, vectors, name)
        files = {each.name: fingerprint(each) for each in sorted(place.iterdir())}
    if recall < LEAST:
        LOG.warning(
            "Recall@10 is only %.2f: these vectors form no clusters. --backend=exact finds everything, more slowly.",
            recall,
        )
    record: Any = {
        "number": number,
        "rows": rows,
        "backend": name,
        "settings": searched.settings(),
        "recall": recall,
        "recall_queries": queries,
        "files": files,
    }
    if name == "faiss":
        record["faiss_seal"] = seal(FAISS, files[FAISS])
    return record, length


def _write_items(place: Path, parts: Iterable[Part], length: int | None) -> tuple[int, int]:
    """Write the vectors and the table of items; returns their number and dimension."""
    iterator, tables = (part for part in parts if part.vectors.size), []
    first = next(iterator, None)
    if first is None:
        raise InputError("There are no vectors to index. Give a source with at least one item.")
    length = first.vectors.shape[1] if length is None else length

    def every() -> Iterator[Float32[np.ndarray, "b d"]]:
        for part in chain([first], iterator):
            tables.append(part.items)
            yield from _unit(part, length)

    rows = write_rows(place / VECTORS, np.dtype("<f4"), (length,), every())
    items = item_table.joined(tables)
    repeated = item_table.repeated_name(items.column("name"))
    if repeated is not None:
        raise InputError(
            f"Two items are called '{repeated}'. Names in an index are unique: rename one, or leave it out."
        )
    with replacing(place / ITEMS) as temporary:
        parquet.write_table(items, temporary)
    del items, tables
    pa.default_memory_pool().release_unused()
    return rows, length


def _write_backend(place: Path, vectors: MappedArray, name: str) -> tuple[Backend, float, int]:
    """Write the files of a backend and choose its settings; returns it, its recall and the number of queries."""
    settings = WRITERS[name](place, vectors) if name in WRITERS else {}
    backend = BACKENDS[name](place, vectors, settings)
    return backend, *choose_settings(backend, vectors)


def _backend_for(backend: str, rows: int) -> str:
    """The backend of a segment: the one of the index, but exact where there are too few vectors for it."""
    if backend == "auto":
        return "exact" if rows < MANY else "scan"
    return "exact" if rows < FEWEST else backend


def _unit(part: Part, length: int) -> Iterator[Float32[np.ndarray, "b d"]]:
    """The vectors of a part scaled to length 1, block by block; zeros stay zeros."""
    if part.vectors.shape[1] != length:
        raise InputError(
            f"Some vectors have {length} dimensions and others {part.vectors.shape[1]}. Give those of one model."
        )
    for start in range(0, len(part.vectors), BLOCK):
        block = np.array(part.vectors[start : start + BLOCK], dtype=np.float32)
        (broken,) = np.nonzero(~np.isfinite(block).all(axis=1))
        if len(broken):
            name = part.items.column("name")[start + int(broken[0])].as_py()
            raise InputError(f"The vector of '{name}' holds NaN or infinity. Leave such items out.")
        yield unit(block)


def _marked(folder: Path, number: int, alive: Bool[np.ndarray, " n"]) -> dict[str, Any] | None:
    """Write the marks of deleted rows; None where there are none."""
    if alive.all():
        return None
    file = deletions_file(folder, number)
    with writing(file):
        write_array(file, ~alive)
    return {"number": number, "rows": int(np.count_nonzero(~alive)), "file": fingerprint(file)}


@contextmanager
def _cleaned_on_failure(folder: Path) -> Iterator[None]:
    """Remove files that no record lists if the block fails, which may be after the record was written."""
    try:
        yield
    except BaseException:
        swept(folder, read_record(folder) if (folder / INDEX).exists() else None)
        raise
