r"""A coarse partition of unit vectors: k-means by cosine on a sample, and the list that each vector belongs to.

    list(x) = argmax_l x.c_l,     c_l = mean of the x in list l, scaled to length 1

Dhillon & Modha 2001, Machine Learning 42:143 (spherical k-means); as inverted lists Jegou et al. 2011, TPAMI 33:117.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float32, Int64

ROUNDS = 6
"""Rounds of k-means: later ones move few vectors."""

PER_LIST = 48
"""Vectors of the sample for each list."""

CELLS = 2**23
"""Similarities to centroids that are held at once: 32 MB of float32."""


def list_count(rows: int) -> int:
    """How many lists so many vectors are parted into: about twice the square root.

    >>> list_count(1_000_000), list_count(100)
    (2000, 20)
    """
    return max(1, min(rows, round(2 * math.sqrt(rows))))


def trained_centroids(
    vectors: Float32[np.ndarray, "n d"], lists: int, *, seed: int = 0
) -> Float32[np.ndarray, "{lists} d"]:
    """The centroids of so many lists, learned from a sample of the vectors that the seed names."""
    random = np.random.default_rng(seed)
    rows = np.sort(random.choice(len(vectors), min(len(vectors), PER_LIST * lists), replace=False))
    sample = np.array(vectors[rows])
    centroids = sample[random.choice(len(sample), lists, replace=False)]
    for _ in range(ROUNDS):
        nearest = nearest_lists(sample, centroids)
        order = np.argsort(nearest, kind="stable")
        counts = np.bincount(nearest, minlength=lists)
        filled = np.flatnonzero(counts)
        starts = (np.cumsum(counts) - counts)[filled]
        centroids = centroids.copy()
        centroids[filled] = np.add.reduceat(sample[order], starts, axis=0)
        empty = np.flatnonzero(counts == 0)  # they begin anew at vectors of the sample
        centroids[empty] = sample[random.choice(len(sample), len(empty), replace=False)]
        centroids /= np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-12)
    return centroids


def nearest_lists(
    vectors: Float32[np.ndarray, "n d"], centroids: Float32[np.ndarray, "l d"]
) -> Int64[np.ndarray, " n"]:
    """The list of every vector."""
    nearest = np.empty(len(vectors), dtype=np.int64)
    step = max(1, CELLS // len(centroids))
    for start in range(0, len(vectors), step):
        nearest[start : start + step] = (vectors[start : start + step] @ centroids.T).argmax(axis=1)
    return nearest
