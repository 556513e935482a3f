r"""Spaces in which items are compared, and how close two are by the measure of what lies around them.

    u_i = W (z_i - mean) / |W (z_i - mean)|,     d_ij = |u_i - u_j|
    closeness_ij = log(sqrt(s_i s_j) / d_ij),    s_i = the distance from i to its tenth neighbour

W is the identity, or whitens: W = (C + e c_1)^(-1/2), C the covariance and c_1 its largest eigenvalue.  Centring and
whitening take away what all items share (Mu & Viswanath 2018, arXiv:1702.01417).  Distances by the local scale are of
Zelnik-Manor & Perona 2004, "Self-tuning spectral clustering": in a crowd items are close that are no copies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64

from counterpoint.embeddings import Embeddings
from counterpoint.retrieval.nearest import nearest

NEIGHBOURS = 10
"""Of every item, that are candidates for copies; the last of them gives the local scale."""

LEAST = 1e-3
"""Distances below this are rounding."""

RIDGE = 1e-3
"""What is added to every variance that is divided by, as a share of the largest."""

Map = Callable[[Float32[np.ndarray, "m d"]], Float32[np.ndarray, "m e"]]
"""Vectors into a space, as unit vectors."""


class Around(NamedTuple):
    """The neighbours of some items, nearest first, how far each is, and the local scale: how far the last is."""

    rows: Int64[np.ndarray, "m k"]
    distance: Float32[np.ndarray, "m k"]

    @property
    def scale(self) -> Float32[np.ndarray, " m"]:
        """The local scale of every item."""
        return self.distance[:, -1]


class Space(NamedTuple):
    """Items in one space, as unit vectors, by a map that further vectors can be brought there by."""

    maps: Map
    unit: Float32[np.ndarray, "n e"]

    def around(self, rows: Int64[np.ndarray, " m"], *, k: int = NEIGHBOURS) -> Around:
        """The neighbours of some of the items."""
        return self._nearest(self.unit[rows], rows, k)

    def beside(self, vectors: Float32[np.ndarray, "m d"]) -> Around:
        """The items nearest to further vectors."""
        return self._nearest(self.maps(vectors), None, NEIGHBOURS)

    def distance(self, i: Int64[np.ndarray, " p"], j: Int64[np.ndarray, " p"]) -> Float32[np.ndarray, " p"]:
        """How far items are from each other, pair by pair."""
        return apart(self.unit, i, self.unit, j)

    def _nearest(self, queries: np.ndarray, skip: Int64[np.ndarray, " m"] | None, k: int) -> Around:
        items = Embeddings(self.unit, [""] * len(self.unit))  # whose names nobody reads
        index, similarity = nearest(items, queries, k=k, skip=None if skip is None else skip.tolist())
        return Around(index, np.sqrt(np.maximum(2 - 2 * similarity, LEAST**2)))


def centred(vectors: Float32[np.ndarray, "n d"]) -> Space:
    """The space without the mean."""
    mean = vectors.mean(axis=0)
    return _space(lambda others: unit(others - mean), vectors)


def whitened(vectors: Float32[np.ndarray, "n d"]) -> Space:
    """The space without the mean in which all directions are equally wide."""
    mean = vectors.mean(axis=0)
    variance, basis = np.linalg.eigh(np.cov((vectors - mean).T, bias=True).reshape(len(mean), len(mean)))
    narrowed = (basis / np.sqrt(np.maximum(variance, 0) + max(RIDGE * variance[-1], 1e-12))).astype(np.float32)
    return _space(lambda others: unit((others - mean) @ narrowed), vectors)


def closeness(
    distance: Float32[np.ndarray, "*#shape"], one: Float32[np.ndarray, "*#shape"], other: Float32[np.ndarray, "*#shape"]
) -> Float32[np.ndarray, "*#shape"]:
    """How close pairs are at this distance, by the local scales of the one and of the other."""
    close: Float32[np.ndarray, "*#shape"] = 0.5 * (np.log(one) + np.log(other)) - np.log(distance)
    return close


def apart(
    one: Float32[np.ndarray, "n e"],
    i: Int64[np.ndarray, " p"],
    other: Float32[np.ndarray, "m e"],
    j: Int64[np.ndarray, " p"],
) -> Float32[np.ndarray, " p"]:
    """|one_i - other_j| of every pair, in pieces."""
    pieces = [slice(start, start + 2**16) for start in range(0, len(i), 2**16)]
    lengths = [np.linalg.norm(one[i[piece]] - other[j[piece]], axis=1) for piece in pieces]
    distance: Float32[np.ndarray, " p"] = np.maximum(np.concatenate([np.zeros(0), *lengths]), LEAST).astype(np.float32)
    return distance


def unit(vectors: np.ndarray) -> Float32[np.ndarray, "m e"]:
    """Vectors scaled to length 1; zeros stay zeros."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    scaled: Float32[np.ndarray, "m e"] = (vectors / lengths).astype(np.float32, copy=False)
    return scaled


def _space(maps: Map, vectors: Float32[np.ndarray, "n d"]) -> Space:
    return Space(maps, maps(vectors))
