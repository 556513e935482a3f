"""How many of the most alike a backend meets, and how much effort that takes: measured when an index is built."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

from counterpoint.retrieval.exact_scan import exact_nearest
from counterpoint.retrieval.index_segments import Backend
from counterpoint.storage.mapped_arrays import MappedArray

TARGET, AT, QUERIES = 0.97, 10, 256
"""Share of the ten most alike that a backend is to meet, and of how many queries that is measured."""


def tuned(backend: Backend, vectors: MappedArray, *, seed: int = 0) -> tuple[float, int]:
    """Set a backend to the least effort that meets ``TARGET`` of the most alike; gives that share, and of how many.

    The queries are some of the vectors, each without itself among its answers.
    """
    count = len(vectors.array)
    if backend.name == "exact" or count < 2:
        return 1.0, 0
    rows = np.sort(np.random.default_rng(seed).choice(count, min(QUERIES, count), replace=False))
    queries, k = np.array(vectors.array[rows]), min(AT, count - 1)
    truth = _others(exact_nearest(vectors, queries, k + 1).rows, rows, k)
    recall = 0.0
    for effort in backend.efforts():
        backend.tried(effort)
        met = _others(backend.nearest(queries, k + 1, None).rows, rows, k)
        recall = float((met[:, :, None] == truth[:, None, :]).any(axis=1).mean())
        if recall >= TARGET:
            break
    return recall, len(rows)


def _others(rows: Int64[np.ndarray, "q m"], queries: Int64[np.ndarray, " q"], k: int) -> Int64[np.ndarray, "q _"]:
    """The first ``k`` rows for every query that are not its own."""
    order = np.argsort(rows == queries[:, None], axis=1, kind="stable")
    return np.take_along_axis(rows, order, axis=1)[:, :k]
