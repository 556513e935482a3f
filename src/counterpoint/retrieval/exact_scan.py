r"""Exact search in vectors on the disk: all similarities, block by block, and the k largest of them.

    s_i = q.z_i,     the k largest, most alike first     (q and z of length 1)

A block is one matrix product. What can be among the k largest is told by a bound: of the largest of every group of 64
similarities, the k-th is exceeded by at least k - 1 others, so that nothing below it is kept. Sorting is left for those
few. Later blocks are held against the k-th best so far.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int64

from counterpoint.storage.mapped_arrays import MappedArray

CELLS = 2**22
"""Similarities held at once: 16 MB of float32."""

ROWS = 2**20
"""Vectors of a block at most."""

GROUP = 64
"""Similarities of which only the largest is looked at for the bound."""


class Nearest(NamedTuple):
    """The rows of the most alike to every query, most alike first, and how alike; -1 where there are no more."""

    rows: Int64[np.ndarray, "q k"]
    similarities: Float32[np.ndarray, "q k"]


class ExactScan:
    """The index of few vectors: all of them are looked at."""

    name = "exact"

    def __init__(self, folder: Path, vectors: MappedArray, settings: Mapping[str, int]) -> None:
        self._vectors = vectors

    def settings(self) -> dict[str, int]:
        """There is nothing to set."""
        return {}

    def efforts(self) -> Iterator[dict[str, int]]:
        """There is one."""
        yield {}

    def tried(self, effort: Mapping[str, int]) -> None:
        """Nothing changes."""

    def nearest(self, queries: Float32[np.ndarray, "q d"], k: int, allowed: Bool[np.ndarray, " n"] | None) -> Nearest:
        """As ``exact_nearest``."""
        return exact_nearest(self._vectors, queries, k, allowed)


def exact_nearest(
    vectors: MappedArray,
    queries: Float32[np.ndarray, "q d"],
    k: int,
    allowed: Bool[np.ndarray, " n"] | None = None,
) -> Nearest:
    """The ``k`` most alike to every query, of those rows that are allowed."""
    array = vectors.array
    best = _nothing(len(queries), k)
    rows = None if allowed is None else np.flatnonzero(allowed)
    count = len(array) if rows is None else len(rows)
    step = max(GROUP, min(ROWS, CELLS // max(1, len(queries))))
    few = rows is not None and 4 * count < len(array)
    if rows is not None and not few:
        count = len(array)
    for start in range(0, count, step):
        stop = min(count, start + step)
        if few and rows is not None:
            chosen = rows[start:stop]
            best = _merged(best, queries @ array[chosen].T, chosen)
        else:
            similarities = queries @ array[start:stop].T
            if allowed is not None:
                similarities[:, ~allowed[start:stop]] = -np.inf
            best = _merged(best, similarities, np.arange(start, stop))
        vectors.touched((stop - start) * array.shape[1] * array.itemsize)
    return best


def largest(rows: Int64[np.ndarray, "q m"], similarities: Float32[np.ndarray, "q m"], k: int) -> Nearest:
    """The ``k`` largest of every row of a small table, sorted; what is minus infinity is nothing."""
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    similarities = np.take_along_axis(similarities, order, axis=1)
    rows = np.where(np.isneginf(similarities), -1, np.take_along_axis(rows, order, axis=1))
    return Nearest(*_filled_up(rows, similarities, k))


def _merged(best: Nearest, similarities: Float32[np.ndarray, "q b"], rows: Int64[np.ndarray, " b"]) -> Nearest:
    """The best so far and the best of a block."""
    k = best.rows.shape[1]
    bound = np.maximum(best.similarities[:, -1], _bound(similarities, k))
    queries, places = np.nonzero(similarities > bound[:, None])
    if not len(queries):
        return best
    kept, kept_rows = ragged(queries, len(best.rows), similarities[queries, places], rows[places])
    return largest(np.concatenate([best.rows, kept_rows], axis=1), np.concatenate([best.similarities, kept], axis=1), k)


def _bound(similarities: Float32[np.ndarray, "q b"], k: int) -> Float32[np.ndarray, " q"]:
    """What at least ``k`` similarities of every query exceed; minus infinity where there are not so many groups."""
    groups = similarities.shape[1] // GROUP
    if groups < k:
        return np.full(len(similarities), -np.inf, dtype=np.float32)
    tops = similarities[:, : groups * GROUP].reshape(len(similarities), groups, GROUP).max(axis=2)
    bound = np.partition(tops, groups - k, axis=1)[:, groups - k]
    return np.nextafter(bound, np.float32(-np.inf))


def ragged(
    queries: Int64[np.ndarray, " m"],
    count: int,
    values: Float32[np.ndarray, " m"],
    rows: Int64[np.ndarray, " m"],
) -> tuple[Float32[np.ndarray, "q w"], Int64[np.ndarray, "q w"]]:
    """Values of queries, in the order of the queries, as a table with a row for each, filled up with -infinity.

    >>> ragged(np.array([0, 0, 2]), 3, np.float32([0.5, 0.25, 1]), np.array([7, 8, 9]))[1].tolist()
    [[7, 8], [-1, -1], [9, -1]]
    """
    counts = np.bincount(queries, minlength=count)
    width = int(counts.max(initial=0))
    flat = np.arange(len(queries)) + np.repeat(np.arange(count) * width - np.cumsum(counts) + counts, counts)
    table = np.full(count * width, -np.inf, dtype=np.float32)
    placed = np.full(count * width, -1, dtype=np.int64)
    table[flat], placed[flat] = values, rows
    return table.reshape(count, width), placed.reshape(count, width)


def _nothing(queries: int, k: int) -> Nearest:
    return Nearest(np.full((queries, k), -1, dtype=np.int64), np.full((queries, k), -np.inf, dtype=np.float32))


def _filled_up(
    rows: Int64[np.ndarray, "q m"], similarities: Float32[np.ndarray, "q m"], k: int
) -> tuple[Int64[np.ndarray, "q k"], Float32[np.ndarray, "q k"]]:
    missing = k - rows.shape[1]
    if missing <= 0:
        return rows, similarities
    nothing = _nothing(len(rows), missing)
    return np.concatenate([rows, nothing.rows], axis=1), np.concatenate([similarities, nothing.similarities], axis=1)
