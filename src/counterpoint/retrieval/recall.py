"""Recall of a backend against exact search, and the settings that reach it: measured when an index is built."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

from counterpoint.retrieval.exact_scan import exact_nearest
from counterpoint.retrieval.index_segments import Backend
from counterpoint.storage.mapped_arrays import MappedArray

TARGET, AT, QUERIES = 0.97, 10, 256
"""The recall@10 to reach, and the number of queries that it is measured with."""


def choose_settings(backend: Backend, vectors: MappedArray, *, seed: int = 0) -> tuple[float, int]:
    """Apply the fastest settings with a recall@10 of at least ``TARGET``; returns the recall and the number of queries.

    The queries are vectors of the index, each of which is left out of its own results.
    """
    count = len(vectors.array)
    if backend.name == "exact" or count < 2:
        return 1.0, 0
    rows = np.sort(np.random.default_rng(seed).choice(count, min(QUERIES, count), replace=False))
    queries, k = np.array(vectors.array[rows]), min(AT, count - 1)
    expected = _others(exact_nearest(vectors, queries, k + 1).rows, rows, k)
    recall = 0.0
    for settings in backend.grid():
        backend.apply(settings)
        result = _others(backend.nearest(queries, k + 1, None).rows, rows, k)
        recall = float((result[:, :, None] == expected[:, None, :]).any(axis=1).mean())
        if recall >= TARGET:
            break
    return recall, len(rows)


def _others(rows: Int64[np.ndarray, "q m"], queries: Int64[np.ndarray, " q"], k: int) -> Int64[np.ndarray, "q _"]:
    """The first ``k`` rows for every query, without its own."""
    order = np.argsort(rows == queries[:, None], axis=1, kind="stable")
    return np.take_along_axis(rows, order, axis=1)[:, :k]
