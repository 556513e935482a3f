"""Searches that wait together are one product: their vectors are rows of one matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from counterpoint.embeddings import Embeddings
from counterpoint.errors import InputError
from counterpoint.retrieval.nearest import Hit, Hits, nearest
from counterpoint.serving.collection import Collection


class Query(NamedTuple):
    """The vector of what is looked for, the row that it stands in if it is an item's own, and how many to find."""

    vector: Float32[np.ndarray, " d"]
    row: int | None
    k: int
    where: str | None = None


def searched(collection: Collection, queries: Sequence[Query]) -> list[Hits | Exception]:
    """The hits of every query, or what is wrong with it. Those with one filter are scanned together."""
    answers: list[Hits | Exception] = [InputError("It was not searched for.")] * len(queries)
    for where in dict.fromkeys(query.where for query in queries):
        places = [place for place, query in enumerate(queries) if query.where == where]
        try:
            results = _together(collection, [queries[place] for place in places])
        except InputError as wrong:
            results = [wrong] * len(places)
        for place, result in zip(places, results, strict=True):
            answers[place] = result
    return answers


def _together(collection: Collection, queries: Sequence[Query]) -> list[Hits]:
    z, most = collection.z, max(query.k for query in queries)
    if queries[0].where is not None:
        raise InputError("These items have no columns to filter by: serve an index, which keeps them.")
    vectors = np.stack([query.vector for query in queries])
    # An item is its own nearest neighbour, so one more is looked for and left out afterwards.
    index, similarity = nearest(z, vectors, k=most + 1)
    return [
        _hits(z, query, rows, alike)
        for query, rows, alike in zip(queries, index.tolist(), similarity.tolist(), strict=True)
    ]


def _hits(z: Embeddings, query: Query, rows: Sequence[int], alike: Sequence[float]) -> Hits:
    pairs = [(row, value) for row, value in zip(rows, alike, strict=True) if row != query.row and row >= 0]
    return Hits(Hit(z.names[row], row, value) for row, value in pairs[: query.k])
