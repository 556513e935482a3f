"""Pairs of grouped items: which pairs choose the threshold for which, and bootstrap weights over groups.

Pairs are unrelated only where they share no group.  A threshold for some pairs is therefore chosen on pairs of other
groups, and the bootstrap draws groups with replacement: a pair counts as often as its groups were drawn, the product of
both.  That is the pigeonhole bootstrap, Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1, whose
variance is on average not too small.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement

import numpy as np
from jaxtyping import Bool, Float64, Int64

from counterpoint.data.groups import group_ids
from counterpoint.data.pairs import Pairs
from counterpoint.data.subset import Subset
from counterpoint.interfaces import Items

PairGroups = Int64[np.ndarray, "p 2"]
"""The ids of the groups of both items of each pair, from 0 without gaps."""

FOLDS = 5


def pair_groups(items: Items, pairs: Pairs) -> PairGroups | None:
    """The groups of pairs of these items; None where items have no groups."""
    rows, place = np.unique(np.stack([pairs.first, pairs.second], axis=1), return_inverse=True)
    ids = group_ids(Subset(items, rows))
    return None if ids is None else renumbered(ids[place.reshape(-1, 2)])


def renumbered(groups: PairGroups) -> PairGroups:
    """The same groups with ids from 0 without gaps.

    >>> renumbered(np.asarray([[7, 12], [9, 12]])).tolist()
    [[0, 2], [1, 2]]
    """
    ids: np.ndarray = np.unique(groups, return_inverse=True)[1].reshape(groups.shape).astype(np.int64)
    return ids


def parts(
    same: Bool[np.ndarray, " p"], groups: PairGroups | None, *, seed: int
) -> Iterator[tuple[Bool[np.ndarray, " p"], Bool[np.ndarray, " p"]]]:
    """Which pairs are tested, and on which others the threshold for them is chosen; each pair is tested once.

    Without groups both are halves of the pairs.
    """
    generator = np.random.default_rng(seed)
    if groups is None:
        half = np.zeros(len(same), dtype=bool)
        for kind in (np.flatnonzero(same), np.flatnonzero(~same)):
            half[generator.permutation(kind)[: len(kind) // 2]] = True
        yield from ((half, ~half), (~half, half))
        return
    fold = np.sort(generator.permutation(np.arange(groups.max() + 1) % FOLDS)[groups], axis=1)
    for chosen in combinations_with_replacement(range(FOLDS), 2):
        tested = (fold == chosen).all(axis=1)
        if tested.any():
            yield tested, np.asarray(np.isin(fold, chosen, invert=True).all(axis=1))


def bootstrap_weights(
    same: Bool[np.ndarray, " p"], groups: PairGroups | None, generator: np.random.Generator
) -> Float64[np.ndarray, " p"]:
    """How often each pair counts in a bootstrap sample: of pairs of each kind, or of groups."""
    if groups is None:
        rows = [np.flatnonzero(same), np.flatnonzero(~same)]
        drawn = np.concatenate([kind[generator.integers(0, len(kind), len(kind))] for kind in rows])
        return np.bincount(drawn, minlength=len(same)).astype(np.float64)
    count = int(groups.max()) + 1
    times = generator.multinomial(count, np.full(count, 1 / count)).astype(np.float64)
    first, second = times[groups].T
    weights: np.ndarray = np.where(groups[:, 0] == groups[:, 1], first, first * second)
    return weights
