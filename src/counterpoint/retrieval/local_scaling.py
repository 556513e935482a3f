r"""Spaces in which items are compared, and their closeness relative to the local density.

    u_i = W (z_i - mean) / |W (z_i - mean)|,     d_ij = |u_i - u_j|
    closeness_ij = log(sqrt(s_i s_j) / d_ij),    s_i = the distance from i to its tenth neighbour

W is the identity, or whitens: W = (C + e c_1)^(-1/2), C the covariance and c_1 its largest eigenvalue.  Centring and
whitening remove what all items share (Mu & Viswanath 2018, arXiv:1702.01417).  Distances relative to the local scale
are from Zelnik-Manor & Perona 2004, "Self-tuning spectral clustering": in dense regions, close items are not copies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int64

from counterpoint.embeddings import unit
from counterpoint.retrieval.nearest import neighbours

NEIGHBOURS = 10
"""Neighbours of every item that are candidates for copies; the last of them gives the local scale."""

LEAST = 1e-3
"""Distances below this are rounding."""

RIDGE = 1e-3
"""Regularisation of the whitening, as a share of the largest variance."""

Map = Callable[[Float32[np.ndarray, "m d"]], Float32[np.ndarray, "m e"]]
"""Maps vectors into a space, as unit vectors."""


class Around(NamedTuple):
    """The neighbours of some items, nearest first, their distances, and the local scale: the distance of the last."""

    rows: Int64[np.ndarray, "m k"]
    distance: Float32[np.ndarray, "m k"]

    @property
    def scale(self) -> Float32[np.ndarray, " m"]:
        """The local scale of every item."""
        return self.distance[:, -1]


class Space(NamedTuple):
    """Items in one space, as unit vectors, and the map for further vectors."""

    maps: Map
    unit: Float32[np.ndarray, "n e"]

    def around(self, rows: Int64[np.ndarray, " m"], *, k: int = NEIGHBOURS) -> Around:
        """The neighbours of some of the items."""
        return self._nearest(self.unit[rows], rows, k)

    def beside(self, vectors: Float32[np.ndarray, "m d"]) -> Around:
        """The items nearest to further vectors."""
        return self._nearest(self.maps(vectors), None, NEIGHBOURS)

    def distance(self, i: Int64[np.ndarray, " p"], j: Int64[np.ndarray, " p"]) -> Float32[np.ndarray, " p"]:
        """The distances of pairs of items."""
        return apart(self.unit, i, self.unit, j)

    def _nearest(self, queries: np.ndarray, skip: Int64[np.ndarray, " m"] | None, k: int) -> Around:
        index, similarity = neighbours(self.unit, queries, k=k, skip=None if skip is None else skip.tolist())
        return Around(index, distances(similarity))


def centred(vectors: Float32[np.ndarray, "n d"]) -> Space:
    """The centred space."""
    mean = vectors.mean(axis=0)
    return _space(lambda others: unit(others - mean), vectors)


def whitened(vectors: Float32[np.ndarray, "n d"]) -> Space:
    """The whitened space, in which all directions have the same variance."""
    mean = vectors.mean(axis=0)
    variance, basis = np.linalg.eigh(np.cov((vectors - mean).T, bias=True).reshape(len(mean), len(mean)))
    narrowed = (basis / np.sqrt(np.maximum(variance, 0) + max(RIDGE * variance[-1], 1e-12))).astype(np.float32)
    return _space(lambda others: unit((others - mean) @ narrowed), vectors)


def closeness(
    distance: Float32[np.ndarray, "*#shape"], one: Float32[np.ndarray, "*#shape"], other: Float32[np.ndarray, "*#shape"]
) -> Float32[np.ndarray, "*#shape"]:
    """The closeness of pairs at these distances, given the local scales of both items."""
    close: Float32[np.ndarray, "*#shape"] = 0.5 * (np.log(one) + np.log(other)) - np.log(distance)
    return close


def distances(similarity: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """The distances of unit vectors with these cosine similarities."""
    distance: np.ndarray = np.sqrt(np.maximum(2 - 2 * similarity, LEAST**2))
    return distance


def apart(
    one: Float32[np.ndarray, "n e"],
    i: Int64[np.ndarray, " p"],
    other: Float32[np.ndarray, "m e"],
    j: Int64[np.ndarray, " p"],
) -> Float32[np.ndarray, " p"]:
    """|one_i - other_j| of every pair, computed in pieces."""
    pieces = [slice(start, start + 2**16) for start in range(0, len(i), 2**16)]
    lengths = [np.linalg.norm(one[i[piece]] - other[j[piece]], axis=1) for piece in pieces]
    distance: Float32[np.ndarray, " p"] = np.maximum(np.concatenate([np.zeros(0), *lengths]), LEAST).astype(np.float32)
    return distance


def _space(maps: Map, vectors: Float32[np.ndarray, "n d"]) -> Space:
    return Space(maps, maps(vectors))
