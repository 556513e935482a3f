r"""Exact search in vectors on disk: all similarities, block by block, and the k largest of them.

    s_i = q.z_i,     the k largest, most similar first     (q and z of length 1)

The similarities of a block are one matrix product. Its k largest are all in the k groups of ``GROUP`` neighbouring
similarities that have the largest maxima, so that only those k groups are sorted; then they are merged with the k
largest of the blocks before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from counterpoint.storage.mapped_arrays import MappedArray

CELLS = 2**22
"""Similarities computed at once: 16 MB of float32."""

ROWS = 2**20
"""The most vectors of a block."""

GROUP = 64
"""Neighbouring similarities of which first only the maximum is compared."""


class Nearest(NamedTuple):
    """The rows most similar to every query and their similarities, most similar first; row -1 where there is none."""

    rows: Int64[np.ndarray, "q k"]
    similarities: Float32[np.ndarray, "q k"]


class ExactScan:
    """The backend for few vectors: every query is compared with all of them."""

    name = "exact"

    def __init__(self, folder: Path, vectors: MappedArray, settings: Mapping[str, int]) -> None:
        self._vectors = vectors

    def settings(self) -> dict[str, int]:
        """There are none."""
        return {}

    def grid(self) -> Iterator[dict[str, int]]:
        """There are no settings to try."""
        yield {}

    def apply(self, settings: Mapping[str, int]) -> None:
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
    """The ``k`` rows most similar to every query, among the allowed ones."""
    array = vectors.array
    best = _nothing(len(queries), k)
    rows = None if allowed is None else np.flatnonzero(allowed)
    if rows is not None and 4 * len(rows) >= len(array):
        rows = None  # reading all rows in order is faster than reading most of them one by one
    count = len(array) if rows is None else len(rows)
    step = max(GROUP, min(ROWS, CELLS // max(1, len(queries))))
    for start in range(0, count, step):
        stop = min(count, start + step)
        if rows is None:
            similarities = queries @ array[start:stop].T
            vectors.touched(array[start:stop].nbytes)
            if allowed is not None:
                similarities[:, ~allowed[start:stop]] = -np.inf
        else:
            similarities = queries @ vectors.take(rows[start:stop]).T
        values, places = _top(torch.from_numpy(similarities), k)
        block = places + start if rows is None else rows[start:stop][places]
        best = largest(np.concatenate([best.rows, block], 1), np.concatenate([best.similarities, values], 1), k)
    return best


def largest(rows: Int64[np.ndarray, "q m"], similarities: Float32[np.ndarray, "q m"], k: int) -> Nearest:
    """The ``k`` largest of every row of a small table, sorted, filled up with row -1; minus infinity is no result."""
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    similarities = np.take_along_axis(similarities, order, axis=1)
    rows = np.where(np.isneginf(similarities), -1, np.take_along_axis(rows, order, axis=1))
    missing = _nothing(len(rows), max(0, k - rows.shape[1]))
    return Nearest(np.concatenate([rows, missing.rows], 1), np.concatenate([similarities, missing.similarities], 1))


def _top(similarities: Tensor, k: int) -> tuple[Float32[np.ndarray, "q j"], Int64[np.ndarray, "q j"]]:
    """The ``k`` largest similarities (q, b) of every query, or all where there are fewer, and their columns."""
    queries, count = similarities.shape
    groups = count // GROUP
    if groups <= k:
        top = similarities.topk(min(k, count), dim=1)
        return top.values.numpy(), top.indices.numpy()
    maxima = similarities[:, : groups * GROUP].reshape(queries, groups, GROUP).amax(dim=2)
    chosen = maxima.topk(k, dim=1, sorted=False).indices
    columns = (chosen[:, :, None] * GROUP + torch.arange(GROUP)).reshape(queries, -1)
    rest = torch.arange(groups * GROUP, count).expand(queries, -1)
    columns = torch.cat([columns, rest], dim=1)
    top = similarities.gather(1, columns).topk(k, dim=1)
    return top.values.numpy(), columns.gather(1, top.indices).numpy()


def _nothing(queries: int, k: int) -> Nearest:
    return Nearest(np.full((queries, k), -1, dtype=np.int64), np.full((queries, k), -np.inf, dtype=np.float32))
