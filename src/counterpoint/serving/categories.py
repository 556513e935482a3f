"""The categories that colour the map: values of a column, ranges of a numeric one, or clusters of the vectors."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float32, Int64
from pyarrow import compute

from counterpoint.data.subset import spread
from counterpoint.reports.sample import fitted_clusters

COLOURS = 10
"""Categories with a colour of their own; all others share one."""

RANGES = 5
"""Quantile ranges of a numeric column."""

SAMPLE = 10_000
"""Vectors that k-means is fitted on."""

MISSING = "none"


class Categories(NamedTuple):
    """Names of the categories, the category of every row, and the number of items in each."""

    names: list[str]
    number: Int64[np.ndarray, " n"]
    counts: list[int]


def by_column(column: pa.ChunkedArray, alive: Bool[np.ndarray, " n"] | None = None) -> Categories:
    """The most frequent values of a column, or quantile ranges of a numeric column with many values.

    Only rows that are ``alive``, that is not deleted, are counted.

    >>> categories = by_column(pa.chunked_array([["a", "b", "a", None]]))
    >>> categories.names, categories.number.tolist(), categories.counts
    (['a', 'b', 'none'], [0, 1, 0, 2], [2, 1, 1])
    """
    numeric = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    if numeric and len(compute.unique(column.drop_null())) > COLOURS:
        return _by_range(column, alive)
    text = compute.fill_null(column.cast(pa.string()), MISSING)
    living = text if alive is None else text.filter(pa.array(alive))
    counted = [(each["values"], each["counts"]) for each in compute.value_counts(living.combine_chunks()).to_pylist()]
    counted.sort(key=lambda each: (-each[1], each[0]))
    shown, others = counted[:COLOURS], counted[COLOURS:]
    names = [name for name, _ in shown] if others else sorted(name for name, _ in shown)
    number = compute.fill_null(compute.index_in(text, value_set=pa.array(names, pa.string())), len(names))
    counts = [dict(shown)[name] for name in names]
    if others:
        names, counts = [*names, f"{len(others):,} more"], [*counts, sum(count for _, count in others)]
    return Categories(names, number.to_numpy().astype(np.int64), counts)


def _by_range(column: pa.ChunkedArray, alive: Bool[np.ndarray, " n"] | None) -> Categories:
    values = column.cast(pa.float64()).to_numpy().astype(np.float64)
    finite = np.isfinite(values)
    edges = np.unique(np.quantile(values[finite], np.linspace(0, 1, RANGES + 1)))
    number = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(0, len(edges) - 2))
    names = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
    if not finite.all():
        number, names = np.where(finite, number, len(names)), [*names, MISSING]
    return Categories(names, number.astype(np.int64), _counts(number, len(names), alive))


def by_cluster(vectors: Float32[np.ndarray, "n d"], alive: Bool[np.ndarray, " n"] | None = None) -> Categories:
    """Clusters of the vectors by k-means, fitted on an evenly spaced sample; the largest comes first."""
    fitted = fitted_clusters(np.array(vectors[spread(len(vectors), SAMPLE)]))
    clusters = len(fitted.cluster_centers_)
    number = fitted.predict(np.ascontiguousarray(vectors)).astype(np.int64)
    order = np.argsort(-np.bincount(number, minlength=clusters), kind="stable")
    number = np.argsort(order)[number]
    names = [f"Cluster {each + 1}" for each in range(clusters)]
    return Categories(names, number, _counts(number, clusters, alive))


def _counts(number: Int64[np.ndarray, " n"], categories: int, alive: Bool[np.ndarray, " n"] | None) -> list[int]:
    living = number if alive is None else number[alive]
    return [int(each) for each in np.bincount(living, minlength=categories)]
