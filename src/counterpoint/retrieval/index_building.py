"""Builds an index and changes it: new segments first, then the record, by which alone they become part of the index.

A process that is killed at any moment leaves the index as it was; what it wrote is removed when the index is next
changed. Rows are deleted by a mark. A segment is written anew, without the rows that were deleted, when they are more
than a quarter of it, or when as many are added as it has: so there are few segments, as in a binary counter, and no row
is copied more often than the logarithm of their number.
"""

from __future__ import annotations

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
from counterpoint.retrieval.index_segments import BACKENDS
from counterpoint.retrieval.recall import tuned
from counterpoint.retrieval.sign_scan import write_sign_scan
from counterpoint.runs.locks import A_COPY, locked
from counterpoint.storage.files import fingerprint, replacing, write_json, writing
from counterpoint.storage.mapped_arrays import MappedArray, write_array, write_rows
from counterpoint.storage.seals import seal

MANY = 200_000
"""Vectors from which on they are not searched one by one, unless somebody asks for that."""

FEWEST = 256
"""Vectors from which on a backend that was asked for is used."""

DEAD = 0.25
"""Share of the rows of a segment that may be deleted before it is written anew."""

BLOCK = 2**16

WRITERS: dict[str, Callable[..., dict[str, int]]] = {"scan": write_sign_scan, "faiss": write_faiss_lists}


class Part(NamedTuple):
    """Some vectors and the table of their items."""

    vectors: Float32[np.ndarray, "n d"]
    items: pa.Table


class Origin(NamedTuple):
    """Who made the vectors: the fingerprint of a model and how it saw the data; and where the model lies."""

    model: str = ""
    preprocessing: str = ""
    modality: str | None = None
    run: str | None = None

    def record(self) -> dict[str, Any]:
        """For ``index.json``, with a seal by which the place is known to have been written here."""
        return {**self._asdict(), "run_seal": None if self.run is None else seal(self.run, self.model)}


def create(folder: Path, parts: Iterable[Part], origin: Origin, *, backend: str = "auto") -> Index:
    """Build an index in a folder that is empty or not there.

    Raises:
        InputError: The folder is not free, there are no vectors, two items have one name, or vectors hold NaN.
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
    """Delete items of an index by their names, and add others, both or neither.

    Raises:
        InputError: No item has such a name; one that is added is there already; or nothing would be left.
    """
    with locked(folder, instead=A_COPY):
        index = Index.open(folder)
        number = swept(folder, index.record)
        alive = np.ones(len(index.items), dtype=bool) if index.alive is None else index.alive.copy()
        alive[index.rows(list(dict.fromkeys(deleted)))] = False
        if not added and not alive.any():
            raise InputError(f"Nothing would be left in '{folder}'. Remove the folder instead.")
        _require_new(index, alive, added)
        masks = np.split(alive, np.cumsum([len(each) for each in index.segments])[:-1])
        kept = _kept(masks, sum(len(each.vectors) for each in added))
        again = [place for place in range(len(masks)) if place not in kept and masks[place].any()]
        with _cleaned_on_failure(folder):
            segments = [index.segments[place].record for place in kept]
            if again or added:
                old = (part for place in again for part in _parts(index, place, masks[place]))
                segment, _ = _written(folder, number, chain(old, added), index.record["backend"], index.length)
                segments = [*segments, segment]
            left = [masks[place] for place in kept] + [
                np.ones(each["rows"], dtype=bool) for each in segments[len(kept) :]
            ]
            record = {**index.record, "segments": segments, "deleted": _marked(folder, number, np.concatenate(left))}
            write_json(folder / INDEX, record)
        changed = Index.open(folder)
        swept(folder, changed.record)
    return changed


def _kept(masks: Sequence[Bool[np.ndarray, " _"]], adding: int) -> list[int]:
    """Which segments stay as they are; the others are written anew, together with what is added."""
    kept = [place for place, mask in enumerate(masks) if np.count_nonzero(~mask) <= DEAD * len(mask)]
    growing = adding + sum(int(np.count_nonzero(mask)) for place, mask in enumerate(masks) if place not in kept)
    while adding and kept and np.count_nonzero(masks[kept[-1]]) <= growing:
        growing += int(np.count_nonzero(masks[kept.pop()]))
    return kept


def _parts(index: Index, place: int, mask: Bool[np.ndarray, " _"]) -> Iterator[Part]:
    """What is left of a segment, so many rows at a time."""
    segment = index.segments[place]
    first = sum(len(each) for each in index.segments[:place])
    for start in range(0, len(mask), BLOCK):
        rows = np.flatnonzero(mask[start : start + BLOCK])
        if len(rows):
            items = index.items.slice(first + start, BLOCK).take(pa.array(rows))
            yield Part(segment.vectors.array[start : start + BLOCK][rows], items)
            segment.vectors.touched(BLOCK * index.length * 4)


def _require_new(index: Index, alive: Bool[np.ndarray, " n"], added: Sequence[Part]) -> None:
    """Refuse vectors of another length, and names that are there."""
    for part in added:
        if part.vectors.shape[1] != index.length:
            raise InputError(
                f"The vectors have {part.vectors.shape[1]} numbers, and those of the index {index.length}. Add "
                "vectors of the same model."
            )
        held = compute.is_in(index.items.column("name"), value_set=part.items.column("name").combine_chunks())
        there = np.flatnonzero(held.to_numpy() & alive)
        if len(there):
            name = index.items.column("name")[int(there[0])].as_py()
            raise InputError(
                f"{counted(len(there), 'item is', 'items are')} in the index already, '{name}' for one. Delete what is "
                f"to be replaced in the same command, --delete='{name}', or leave it out."
            )


def _written(
    folder: Path, number: int, parts: Iterable[Part], backend: str, length: int | None = None
) -> tuple[SegmentRecord, int]:
    """Write a segment: vectors of length 1, items, and what its backend needs; and measure what that meets."""
    place, tables = segment_folder(folder, number), []
    place.mkdir()
    iterator = iter(parts)
    first = next(iterator, None)
    if first is None or not first.vectors.shape[1]:
        raise InputError("There are no vectors to build an index of. Give a source with at least one item.")
    length = first.vectors.shape[1] if length is None else length

    def every() -> Iterator[Float32[np.ndarray, "b d"]]:
        for part in chain([first], iterator):
            tables.append(part.items)
            yield from _unit(part, length)

    with writing(place):
        rows = write_rows(place / VECTORS, np.dtype("<f4"), (length,), every())
        items = item_table.joined(tables)
        twice = item_table.first_twice(items.column("name"))
        if not rows or twice is not None:
            raise InputError(
                f"Two items are called '{twice}'. Names are unique in an index: give each its own, or leave one out."
                if rows
                else "There are no vectors to build an index of. Give a source with at least one item."
            )
        with replacing(place / ITEMS) as temporary:
            parquet.write_table(items, temporary)
        name = _backend_for(backend, rows)
        vectors = MappedArray(place / VECTORS, "<f4", (rows, length))
        settings = WRITERS[name](place, vectors) if name in WRITERS else {}
        searching = BACKENDS[name](place, vectors, settings)
        recall, queries = tuned(searching, vectors)
        files = {each.name: fingerprint(each) for each in sorted(place.iterdir())}
    record: Any = {
        "number": number,
        "rows": rows,
        "backend": name,
        "settings": searching.settings(),
        "recall": recall,
        "recall_queries": queries,
        "files": files,
    }
    if name == "faiss":
        record["faiss_seal"] = seal(FAISS, files[FAISS])
    return record, length


def _backend_for(wanted: str, rows: int) -> str:
    """Which backend a segment has: the one that was asked for, but where there are too few vectors for it."""
    if wanted == "auto":
        return "exact" if rows < MANY else "scan"
    return "exact" if rows < FEWEST else wanted


def _unit(part: Part, length: int) -> Iterator[Float32[np.ndarray, "b d"]]:
    """The vectors of a part, so many at a time, each scaled to length 1; zeros stay zeros."""
    if part.vectors.shape[1] != length:
        raise InputError(
            f"Some vectors have {length} numbers and others {part.vectors.shape[1]}. Give those of one model."
        )
    for start in range(0, len(part.vectors), BLOCK):
        block = np.array(part.vectors[start : start + BLOCK], dtype=np.float32)
        (wrong,) = np.nonzero(~np.isfinite(block).all(axis=1))
        if len(wrong):
            name = part.items.column("name")[start + int(wrong[0])].as_py()
            raise InputError(f"The vector of '{name}' holds NaN or infinite numbers. Leave such items out.")
        yield block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-12)


def _marked(folder: Path, number: int, alive: Bool[np.ndarray, " n"]) -> dict[str, Any] | None:
    """Keep which rows are deleted; None where none is."""
    if alive.all():
        return None
    file = deletions_file(folder, number)
    with writing(file):
        write_array(file, ~alive)
    return {"number": number, "rows": int(np.count_nonzero(~alive)), "file": fingerprint(file)}


@contextmanager
def _cleaned_on_failure(folder: Path) -> Iterator[None]:
    """Remove what no record names where the block fails: the record may have been written before."""
    try:
        yield
    except BaseException:
        swept(folder, read_record(folder) if (folder / INDEX).exists() else None)
        raise
