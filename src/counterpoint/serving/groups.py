"""By what points of the map are coloured: the values of a column, ranges of its numbers, or clusters of the vectors."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float32, Int64
from pyarrow import compute

from counterpoint.data.subset import spread

MOST = 10
"""Colours that can be told apart; all other values share one."""

RANGES = 5
"""Ranges of numbers, each of as many items."""

SAMPLE = 10_000
"""Vectors that clusters are learned from."""

MISSING = "none"


class Groups(NamedTuple):
    """The names of groups, the number of each item's, and how many items are of each."""

    names: list[str]
    number: Int64[np.ndarray, " n"]
    counts: list[int]


def by_column(column: pa.ChunkedArray, alive: Bool[np.ndarray, " n"] | None = None) -> Groups:
    """Groups of a column: its most frequent values, or ranges where it holds many numbers.

    >>> groups = by_column(pa.chunked_array([["a", "b", "a", None]]))
    >>> groups.names, groups.number.tolist(), groups.counts
    (['a', 'b', 'none'], [0, 1, 0, 2], [2, 1, 1])
    """
    kind = column.type
    if (pa.types.is_integer(kind) or pa.types.is_floating(kind)) and len(compute.unique(column.drop_null())) > MOST:
        return _by_range(column, alive)
    text = compute.fill_null(column.cast(pa.string()), MISSING)
    held = text if alive is None else text.filter(pa.array(alive))
    counted = [(each["values"], each["counts"]) for each in compute.value_counts(held.combine_chunks()).to_pylist()]
    counted.sort(key=lambda each: (-each[1], each[0]))
    shown, others = counted[:MOST], counted[MOST:]
    names = sorted(name for name, _ in shown) if not others else [name for name, _ in shown]
    number = compute.fill_null(compute.index_in(text, value_set=pa.array(names, pa.string())), len(names))
    counts = [dict(shown)[name] for name in names]
    if others:
        names, counts = [*names, f"{len(others):,} more"], [*counts, sum(count for _, count in others)]
    return Groups(names, number.to_numpy().astype(np.int64), counts)


def _by_range(column: pa.ChunkedArray, alive: Bool[np.ndarray, " n"] | None) -> Groups:
    values = column.cast(pa.float64()).to_numpy().astype(np.float64)
    known = np.isfinite(values)
    ends = np.unique(np.quantile(values[known], np.linspace(0, 1, RANGES + 1)))
    number = np.clip(np.searchsorted(ends, values, side="right") - 1, 0, max(0, len(ends) - 2))
    names = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(ends)]
    if not known.all():
        number, names = np.where(known, number, len(names)), [*names, MISSING]
    return Groups(names, number.astype(np.int64), _counts(number, len(names), alive))


def by_cluster(vectors: Float32[np.ndarray, "n d"], alive: Bool[np.ndarray, " n"] | None = None) -> Groups:
    """Clusters of the vectors by k-means, learned from evenly spread ones; the first is the largest."""
    from sklearn.cluster import KMeans

    some = np.array(vectors[spread(len(vectors), SAMPLE)])
    fitted = KMeans(min(MOST, len(np.unique(some.round(4), axis=0))), n_init=3, random_state=0).fit(some)
    number = fitted.predict(np.ascontiguousarray(vectors)).astype(np.int64)
    order = np.argsort(-np.bincount(number, minlength=fitted.n_clusters), kind="stable")
    number = np.argsort(order)[number]
    names = [f"Cluster {place + 1}" for place in range(fitted.n_clusters)]
    return Groups(names, number, _counts(number, len(names), alive))


def _counts(number: Int64[np.ndarray, " n"], groups: int, alive: Bool[np.ndarray, " n"] | None) -> list[int]:
    held = number if alive is None else number[alive]
    return [int(each) for each in np.bincount(held, minlength=groups)]
