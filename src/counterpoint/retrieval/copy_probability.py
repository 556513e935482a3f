"""A measure of how close two items are, learned from their vectors and from planted copies: the probability of a copy.

Copies are sought in one of four spaces: that of the model's vectors, centred or whitened, that of plain features, or
that of content hashes.
It is the first in which planted copies are told from other items as often as in the best of them, but for one standard
error (Breiman et al. 1984, "Classification and regression trees", section 3.4.3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int64

from counterpoint.data.subset import spread
from counterpoint.retrieval.local_scaling import Space, apart, centred, closeness, unit, whitened
from counterpoint.retrieval.mixture import copy_probability
from counterpoint.retrieval.planted_copies import Evidence

SAMPLE = 1000
"""Items that spaces are compared by."""

RARE = 0.01
"""Share of items without a copy that are as close to another as a planted copy that counts as told apart."""

CROWD = 0.05
"""The local scale is at least that of this share of the items: many copies of one item are no crowd."""

MOST = 200
"""Neighbours that are looked at of an item whose usual ones may all be copies."""


class Measure(NamedTuple):
    """A space, the local scales of its items, and what follows from closeness there."""

    name: str
    space: Space
    scale: Float32[np.ndarray, " n"]
    pairs: tuple[Int64[np.ndarray, " p"], Int64[np.ndarray, " p"]]
    """Candidates i < j: one is a neighbour of the other."""
    probability: Callable[[Float32[np.ndarray, " q"]], Float[np.ndarray, " q"]]
    """Of a copy, at this closeness."""
    planted: Float32[np.ndarray, " m"] | None
    """How close planted copies are to what they were made of."""

    def closeness(self, i: Int64[np.ndarray, " p"], j: Int64[np.ndarray, " p"]) -> Float32[np.ndarray, " p"]:
        """How close pairs of items are."""
        return closeness(self.space.distance(i, j), self.scale[i], self.scale[j])

    def recall(self, cut: float) -> float | None:
        """The share of planted copies that are as probable as this."""
        return None if self.planted is None else float((self.probability(self.planted) >= cut).mean())


class Copies(NamedTuple):
    """Planted copies as one space takes them in, and the row that each was made of."""

    rows: Int64[np.ndarray, " m"]
    vectors: Float32[np.ndarray, "m d"]


def learned(vectors: Float32[np.ndarray, "n d"], known: Evidence | None) -> Measure:
    """The measure for items of which no two are equal; the rows of ``known`` are theirs.

    Without planted copies the space is that of whitened vectors, and the distribution of the items decides alone.
    """
    if known is None or known.planted is None:
        return _measure("whitened vectors", whitened(vectors), None)
    rows = known.planted.rows
    by_vectors, by_features = Copies(rows, unit(known.planted.vectors)), Copies(rows, known.planted.features)
    trials = [
        ("centred vectors", centred(vectors), by_vectors),
        ("whitened vectors", whitened(vectors), by_vectors),
        ("plain features", centred(known.features), by_features),
    ]
    if known.hashes is not None and known.planted.hashes is not None:
        trials.append(("content hashes", centred(known.hashes), Copies(rows, known.planted.hashes)))
    compares_items = np.asarray([_separated(space, copies) for _, space, copies in trials])
    best = compares_items.max()
    enough = best - np.sqrt(best * (1 - best) / len(np.unique(rows)))
    return _measure(*trials[int(np.flatnonzero(compares_items >= enough)[0])])


def _separated(space: Space, copies: Copies) -> float:
    """The share of planted copies that are closer than all but rare items are to the one nearest to them.

    How close those are follows from the middle of the distribution, which few copies among the items leave as it is:
    above the median it is taken for exponential, as in ``mixture``.
    """
    around = space.around(spread(len(space.unit), SAMPLE))
    least = float(np.quantile(around.scale, CROWD))
    others = space.around(around.rows[:, 0]).scale
    nearest = closeness(around.distance[:, 0], np.maximum(around.scale, least), np.maximum(others, least))
    median, upper = np.quantile(nearest, [0.5, 0.75])
    cut = median + (upper - median) * np.log2(0.5 / RARE)
    return float((_beside(space, copies, least) > cut).mean())


def _beside(space: Space, copies: Copies, least: float) -> Float32[np.ndarray, " m"]:
    """How close copies are to what they were made of, by scales of at least so much."""
    rows, place = np.unique(copies.rows, return_inverse=True)
    own, scale = space.around(rows).scale[place.reshape(-1)], space.beside(copies.vectors).scale
    distance = apart(space.maps(copies.vectors), np.arange(len(copies.rows)), space.unit, copies.rows)
    return closeness(distance, np.maximum(scale, least), np.maximum(own, least))


def _measure(name: str, space: Space, copies: Copies | None) -> Measure:
    every = np.arange(len(space.unit))
    around = space.around(every)
    least = float(np.quantile(around.scale, CROWD))
    scale = np.maximum(around.scale, least)
    close = closeness(around.distance, scale[:, None], scale[around.rows])
    planted = None if copies is None else _beside(space, copies, least)
    probability = copy_probability(close.max(axis=1), planted)
    crowded = np.flatnonzero(probability(close.min(axis=1)) >= 0.5)
    further = space.around(crowded, k=MOST).rows
    return Measure(name, space, scale, _pairs((every, around.rows), (crowded, further)), probability, planted)


def _pairs(
    *result: tuple[Int64[np.ndarray, " _"], Int64[np.ndarray, "_ _"]],
) -> tuple[Int64[np.ndarray, " p"], Int64[np.ndarray, " p"]]:
    """The pairs i < j of items and their neighbours, each once."""
    i = np.concatenate([np.repeat(rows, index.shape[1]) for rows, index in result])
    j = np.concatenate([index.reshape(-1) for _, index in result])
    pairs = np.unique(np.stack([np.minimum(i, j), np.maximum(i, j)]), axis=1)
    return pairs[0], pairs[1]
