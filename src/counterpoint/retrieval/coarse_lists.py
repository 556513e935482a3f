r"""Inverted lists: k-means by cosine on a sample, and the list that each vector belongs to.

    list(x) = argmax_l x.c_l,     c_l = mean of the x in list l, scaled to length 1

Dhillon & Modha 2001, Machine Learning 42:143 (spherical k-means); as inverted lists Jegou et al. 2011, TPAMI 33:117.
The centroids are learned in two levels, about the square root of their number in each (Nister & Stewenius 2006,
CVPR:2161): the sample is clustered coarsely, and every coarse cluster is clustered again. Vectors are then assigned to
the nearest of all centroids.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float32, Int64

from counterpoint.embeddings import unit
from counterpoint.storage.mapped_arrays import MappedArray

ROUNDS = 6
"""Iterations of k-means; later ones move few vectors."""

PER_LIST = 48
"""Vectors in the sample for each list."""

MOST = 8192
"""The most lists: the time to assign n vectors to l lists grows with n l."""

CELLS = 2**23
"""Similarities to centroids computed at once: 32 MB of float32."""

Vectors = Float32[np.ndarray, "n d"]


def list_count(rows: int) -> int:
    """The number of lists for so many vectors: about eight times the square root.

    >>> list_count(1_000_000), list_count(10_000_000), list_count(1000)
    (8000, 8192, 125)
    """
    return max(1, min(rows // 8, round(8 * math.sqrt(rows)), MOST))


def trained_centroids(vectors: MappedArray, lists: int, *, seed: int = 0) -> Float32[np.ndarray, "{lists} d"]:
    """The centroids of so many lists, learned from a sample of at least as many vectors, drawn from the seed."""
    random, count = np.random.default_rng(seed), len(vectors.array)
    sample = vectors.take(np.sort(random.choice(count, min(count, PER_LIST * lists), replace=False)))
    coarse = round(math.sqrt(lists))
    few = sample[random.choice(len(sample), min(len(sample), PER_LIST**2 * coarse), replace=False)]
    nearest = nearest_lists(sample, _kmeans(few, coarse, random))
    ends = np.cumsum(np.bincount(nearest, minlength=coarse)) * lists // len(sample)
    shares = np.diff(ends, prepend=0)  # in proportion to the vectors of each coarse cluster, and never more
    return np.concatenate(
        [_kmeans(sample[nearest == place], int(share), random) for place, share in enumerate(shares) if share]
    )


def _kmeans(sample: Vectors, lists: int, random: np.random.Generator) -> Float32[np.ndarray, "{lists} d"]:
    """Spherical k-means, from random vectors of the sample; a list that becomes empty restarts at another one."""
    centroids = sample[random.choice(len(sample), lists, replace=False)]
    for _ in range(ROUNDS):
        nearest = nearest_lists(sample, centroids)
        order = np.argsort(nearest, kind="stable")
        counts = np.bincount(nearest, minlength=lists)
        filled, empty = np.flatnonzero(counts), np.flatnonzero(counts == 0)
        centroids[filled] = np.add.reduceat(sample[order], (np.cumsum(counts) - counts)[filled], axis=0)
        centroids[empty] = sample[random.choice(len(sample), len(empty), replace=False)]
        centroids = unit(centroids)
    return centroids


def nearest_lists(vectors: Vectors, centroids: Float32[np.ndarray, "l d"]) -> Int64[np.ndarray, " n"]:
    """The list of every vector."""
    nearest = np.empty(len(vectors), dtype=np.int64)
    step = max(1, CELLS // len(centroids))
    for start in range(0, len(vectors), step):
        nearest[start : start + step] = (vectors[start : start + step] @ centroids.T).argmax(axis=1)
    return nearest
