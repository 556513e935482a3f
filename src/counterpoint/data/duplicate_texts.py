r"""Near-duplicate texts, which must not be negatives of each other.

    J(A, B) = |A and B| / |A or B|  of the sets of tokens of two texts;   near-duplicates from J = 0.8 on
    P(min h(A) = min h(B)) = J(A, B)        for a random order h of all tokens

Broder 1997, "On the resemblance and containment of documents" (MinHash).  Texts are candidates where all four minima of
a band agree, in any of eight bands, and are then compared exactly: of pairs at J = 0.8 one in seventy is missed, of
closer ones fewer.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

from counterpoint.data.token_items import Ragged

NEAR = 0.8
BANDS, ROWS = 8, 4


def alike(tokens: Ragged, *, size: int) -> Int64[np.ndarray, " n"]:
    """An id for every text, the same for near-duplicates; ``size`` is that of the vocabulary.

    >>> one, two = [3, 4, 5, 6, 7], [8, 9]
    >>> rows = Ragged(np.array(one + two + one[::-1], dtype=np.int32), np.array([0, 5, 7, 12]))
    >>> alike(rows, size=10).tolist()
    [0, 1, 0]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    generator = np.random.default_rng(0)
    count = len(tokens)
    pairs = []
    for _ in range(BANDS):
        minima = [_minimum(generator.permutation(size), tokens) for _ in range(ROWS)]
        _, first, place = np.unique(np.stack(minima, axis=1), axis=0, return_index=True, return_inverse=True)
        other = first[place.reshape(-1)]  # the first text of each band represents all of it
        pairs.append(np.stack([np.flatnonzero(other != np.arange(count)), other[other != np.arange(count)]]))
    left, right = np.unique(np.concatenate(pairs, axis=1), axis=1)
    sets = [frozenset(row.tolist()) for row in tokens]
    near = np.asarray([_near(sets[i], sets[j]) for i, j in zip(left.tolist(), right.tolist(), strict=True)], dtype=bool)
    linked = coo_array((np.ones(int(near.sum())), (left[near], right[near])), shape=(count, count))
    _, cluster = connected_components(linked, directed=False)
    return np.asarray(cluster, dtype=np.int64)


def _minimum(order: np.ndarray, tokens: Ragged) -> np.ndarray:
    """For every text its smallest token in the order; for one without tokens a value behind all of them."""
    least = np.full(len(tokens), len(order))
    some = np.flatnonzero(tokens.lengths)
    if len(some):
        least[some] = np.minimum.reduceat(order[tokens.flat], tokens.starts[some])
    return least


def _near(one: frozenset[int], other: frozenset[int]) -> bool:
    return len(one & other) >= NEAR * len(one | other)


def shown(text_ids: Int64[np.ndarray, " n"], linked: np.ndarray | None) -> Int64[np.ndarray, "_ w"]:
    """The content ids of every row; after the rows of pairs come those of their hard negatives, column by column."""
    if linked is None:
        return text_ids[:, None]
    linked_ids = text_ids[linked]
    return np.concatenate([linked_ids[:, :2], *(np.stack([other, other], axis=1) for other in linked_ids.T[2:])])
