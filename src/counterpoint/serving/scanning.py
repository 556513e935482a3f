"""Searches that wait together are one product: their vectors are rows of one matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from counterpoint.errors import InputError
from counterpoint.retrieval.index import Index
from counterpoint.retrieval.nearest import Hits


class Query(NamedTuple):
    """The vector of what is looked for, the row that it stands in if it is an item's own, and how many to find."""

    vector: Float32[np.ndarray, " d"]
    row: int | None
    k: int
    where: str | None = None


def searched(index: Index, queries: Sequence[Query]) -> list[Hits | Exception]:
    """The hits of every query, or what is wrong with it. Those with one filter are scanned together."""
    answers: dict[int, Hits | Exception] = {}
    for where in dict.fromkeys(query.where for query in queries):
        places = [place for place, query in enumerate(queries) if query.where == where]
        some = [queries[place] for place in places]
        try:
            vectors, rows = np.stack([query.vector for query in some]), [query.row for query in some]
            hits = index.search(vectors, max(query.k for query in some), where, skip=rows)
            answers.update((place, Hits(each[: queries[place].k])) for place, each in zip(places, hits, strict=True))
        except InputError as wrong:
            answers.update(dict.fromkeys(places, wrong))
    return [answers[place] for place in range(len(queries))]
