"""A sample of items with their vectors and clusters, for the gallery and the map."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from counterpoint.data.subset import Subset, spread
from counterpoint.embeddings import unit
from counterpoint.interfaces import Items, info_of
from counterpoint.model import Model

MOST = 10_000
"""Items among which neighbours are searched; more would make a report slow."""

CLUSTERS = 10

LETTERS = 120
"""Letters of a text that are shown."""


@dataclass(frozen=True)
class Sample:
    """Items with unit vectors (n, d), the cluster of each, and the item in the middle of every cluster."""

    items: Subset
    names: Sequence[str]
    """The caption of each."""
    labels: Sequence[str] | None
    vectors: Float32[np.ndarray, "n d"]
    cluster: Int64[np.ndarray, " n"]
    """Number of the cluster; 0 is the largest."""
    middle: Int64[np.ndarray, " c"]
    """Row of the item nearest to the centre of each cluster."""


def take_sample(model: Model, items: Items, labels: Sequence[str] | None) -> Sample:
    """Evenly spread items."""
    rows = spread(len(items), MOST)
    return sample_of(model.represent(Subset(items, rows)), items, rows, labels)


def sample_of(
    h: Float32[np.ndarray, "n d"], items: Items, rows: Int64[np.ndarray, " n"], labels: Sequence[str] | None
) -> Sample:
    """The same for items in these rows, whose vectors are known."""
    some = Subset(items, rows)
    vectors = unit(h)
    cluster, middle = _clusters(vectors)
    chosen = None if labels is None else [str(labels[row]) for row in rows]
    return Sample(some, called(some, range(len(some))), chosen, vectors, cluster, middle)


def called(items: Items, rows: Iterable[int]) -> list[str]:
    """The captions of some items: the name of each, and the beginning of its text where it has one."""
    texts = info_of(items).texts
    if texts is None:
        return [items.names[row] for row in rows]
    return [f"{items.names[row]}: {shorten(texts[row], LETTERS, placeholder=' ...')}" for row in rows]


def fitted_clusters(vectors: Float32[np.ndarray, "n d"]) -> Any:
    """The ``KMeans`` of scikit-learn with ``CLUSTERS`` clusters, or as many as there are different vectors."""
    from sklearn.cluster import KMeans

    different = len(np.unique(vectors.round(4), axis=0))
    return KMeans(min(CLUSTERS, different), n_init=3, random_state=0).fit(vectors)


def _clusters(vectors: Float32[np.ndarray, "n d"]) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " c"]]:
    if len(vectors) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    result = fitted_clusters(vectors)
    order = np.argsort(-np.bincount(result.labels_), kind="stable")
    middle = [_nearest(vectors, result, number) for number in order.tolist()]
    return np.argsort(order)[result.labels_], np.asarray(middle, dtype=np.int64)


def _nearest(vectors: Float32[np.ndarray, "n d"], result: Any, number: int) -> int:
    (members,) = np.nonzero(result.labels_ == number)
    distance = np.square(vectors[members] - result.cluster_centers_[number]).sum(axis=1)
    return int(members[distance.argmin()])
