"""The probability that two items are copies, learned from their vectors and from planted copies.

Copies are searched in one of four spaces: that of the model's vectors, centred or whitened, that of plain features, or
that of content hashes. Those in which the recall of planted copies is at most one standard error of the difference
below the best are tied (Breiman et al. 1984, "Classification and regression trees", section 3.4.3). Of these, the one
is chosen in which nine of ten planted copies are closest to their originals, relative to the tail of other items.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int64

from counterpoint.data.subset import spread
from counterpoint.embeddings import unit
from counterpoint.retrieval.local_scaling import Space, apart, centred, closeness, whitened
from counterpoint.retrieval.mixture import copy_probability
from counterpoint.retrieval.planted_copies import Evidence

SAMPLE = 1000
"""Items that spaces are compared by."""

RARE = 0.01
"""Rate of false positives at which the recall of planted copies is measured."""

MISSED = 0.1
"""Share of planted copies that may be further away than the distance by which tied spaces are compared."""

CROWD = 0.05
"""Quantile of the local scales that bounds them from below: many copies of one item are not a dense region."""

MOST = 200
"""Neighbours that are examined for an item whose usual ones may all be copies."""


class Measure(NamedTuple):
    """A space, the local scales of its items, and the distribution of closeness in it."""

    name: str
    space: Space
    scale: Float32[np.ndarray, " n"]
    pairs: tuple[Int64[np.ndarray, " p"], Int64[np.ndarray, " p"]]
    """Candidate pairs i < j: one is a neighbour of the other."""
    probability: Callable[[Float32[np.ndarray, " q"]], Float[np.ndarray, " q"]]
    """The probability of a copy at a given closeness."""
    planted: Float32[np.ndarray, " m"] | None
    """The closeness of planted copies to their originals."""

    def closeness(self, i: Int64[np.ndarray, " p"], j: Int64[np.ndarray, " p"]) -> Float32[np.ndarray, " p"]:
        """The closeness of pairs of items."""
        return closeness(self.space.distance(i, j), self.scale[i], self.scale[j])

    def recall(self, cut: float) -> float | None:
        """The share of planted copies that are at least as probable as this."""
        return None if self.planted is None else float((self.probability(self.planted) >= cut).mean())


class Copies(NamedTuple):
    """Planted copies in one space, and the rows of their originals."""

    rows: Int64[np.ndarray, " m"]
    vectors: Float32[np.ndarray, "m d"]


def learned(vectors: Float32[np.ndarray, "n d"], evidence: Evidence | None) -> Measure:
    """The measure for distinct items, to whose rows those of ``evidence`` refer.

    Without planted copies the space is that of whitened vectors, and only the distribution of the items is used.
    """
    if evidence is None or evidence.planted is None:
        return _measure("whitened vectors", whitened(vectors), None)
    rows = evidence.planted.rows
    by_vectors, by_features = Copies(rows, unit(evidence.planted.vectors)), Copies(rows, evidence.planted.features)
    trials = [
        ("centred vectors", centred(vectors), by_vectors),
        ("whitened vectors", whitened(vectors), by_vectors),
        ("plain features", centred(evidence.features), by_features),
    ]
    if evidence.hashes is not None and evidence.planted.hashes is not None:
        trials.append(("content hashes", centred(evidence.hashes), Copies(rows, evidence.planted.hashes)))
    margin = np.stack([_margin(space, copies) for _, space, copies in trials])
    _, original = np.unique(rows, return_inverse=True)
    recall = np.stack([np.bincount(original, each > 0) / np.bincount(original) for each in margin])
    behind = recall[recall.mean(axis=1).argmax()] - recall
    tied = behind.mean(axis=1) <= behind.std(axis=1) / np.sqrt(recall.shape[1])
    lowest = np.quantile(margin, MISSED, axis=1)
    return _measure(*trials[int(np.where(tied, lowest, -np.inf).argmax())])


def _margin(space: Space, copies: Copies) -> Float[np.ndarray, " m"]:
    """How much closer than the threshold planted copies are to their originals, in half-lives of the tail of others.

    The threshold has a fixed rate of false positives, and is extrapolated from the median of the nearest distances,
    which few real copies do not affect: above it their distribution is taken to be exponential, as in ``mixture``.
    """
    around = space.around(spread(len(space.unit), SAMPLE))
    least = float(np.quantile(around.scale, CROWD))
    others = space.around(around.rows[:, 0]).scale
    nearest = closeness(around.distance[:, 0], np.maximum(around.scale, least), np.maximum(others, least))
    median, upper = np.quantile(nearest, [0.5, 0.75])
    half_life = max(float(upper - median), 1e-6)
    margin: np.ndarray = (_beside(space, copies, least) - median) / half_life - np.log2(0.5 / RARE)
    return margin


def _beside(space: Space, copies: Copies, least: float) -> Float32[np.ndarray, " m"]:
    """The closeness of copies to their originals, with local scales of at least ``least``."""
    rows, place = np.unique(copies.rows, return_inverse=True)
    own_scale, scale = space.around(rows).scale[place.reshape(-1)], space.beside(copies.vectors).scale
    distance = apart(space.maps(copies.vectors), np.arange(len(copies.rows)), space.unit, copies.rows)
    return closeness(distance, np.maximum(scale, least), np.maximum(own_scale, least))


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
