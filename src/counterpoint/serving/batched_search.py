"""Searches that wait at the same time, as one matrix product: their vectors are the rows of one matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from counterpoint.errors import InputError
from counterpoint.retrieval.index import Index
from counterpoint.retrieval.nearest import Hits


class Query(NamedTuple):
    """A query vector, its row if it is the vector of an indexed item, the number of results, and a filter."""

    vector: Float32[np.ndarray, " d"]
    row: int | None
    k: int
    where: str | None = None


def search_batch(index: Index, queries: Sequence[Query]) -> list[Hits | Exception]:
    """The hits of every query, or its error. Queries with the same filter share one product."""
    results: dict[int, Hits | Exception] = {}
    for where in dict.fromkeys(query.where for query in queries):
        positions = [position for position, query in enumerate(queries) if query.where == where]
        batch = [queries[position] for position in positions]
        try:
            vectors, rows = np.stack([query.vector for query in batch]), [query.row for query in batch]
            hits = index.search(vectors, max(query.k for query in batch), where, skip=rows)
            results.update(
                (position, Hits(each[: query.k])) for position, query, each in zip(positions, batch, hits, strict=True)
            )
        except InputError as error:
            results.update(dict.fromkeys(positions, error))
    return [results[position] for position in range(len(queries))]
