r"""kNN: the mean distance to the nearest normal items, in cosine or Euclidean distance.

    s(x) = 1/k sum_j (1 - cos(h(x), h_j)),     j over the k normal items nearest to x

Ramaswamy, Rastogi & Shim 2000, "Efficient algorithms for mining outliers from large data sets", with the mean instead
of the k-th distance (Angiulli & Pizzuti 2002); of features of networks Bergman, Cohen & Hoshen 2020, arXiv:2002.10445.

Use when: there are several kinds of normal items; nothing is assumed about their distribution.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from jaxtyping import Float32, Float64

from counterpoint.anomaly_detection.memory_bank import memory_bank
from counterpoint.anomaly_detection.scorer import Score
from counterpoint.errors import PlanError, listed
from counterpoint.retrieval.nearest import neighbours

METRICS = ("cosine", "euclidean")


def knn(normal: Float32[np.ndarray, "n d"], *, k: int = 3, bank: float = 1.0, metric: str = "cosine") -> Score:
    """Mean distance to the ``k`` nearest of the normal vectors, or of a share ``bank`` of them.

    The metric is cosine, for vectors of an encoder, or euclidean, for plain features.

    >>> score = knn(np.asarray([[1, 0], [1, 0], [0, 1]], dtype=np.float32), k=2)
    >>> score(np.asarray([[2, 0], [0, 2]], dtype=np.float32)).tolist()
    [0.0, 0.5]
    """
    if k < 1:
        raise PlanError(f"k, the number of neighbours, must be at least 1. Got k={k}.")
    if metric not in METRICS:
        raise PlanError(f"The metric is one of {listed(METRICS)}. Got metric={metric!r}.")
    kept = memory_bank(normal, share=bank, least=k)
    return partial(_cosine if metric == "cosine" else _euclidean, kept=kept, k=k)


def _cosine(
    vectors: Float32[np.ndarray, "m d"], *, kept: Float32[np.ndarray, "b d"], k: int
) -> Float64[np.ndarray, " m"]:
    distance: np.ndarray = 1 - neighbours(kept, vectors, k=k)[1].astype(np.float64).mean(axis=1)
    return distance


def _euclidean(
    vectors: Float32[np.ndarray, "m d"], *, kept: Float32[np.ndarray, "b d"], k: int
) -> Float64[np.ndarray, " m"]:
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=min(k, len(kept)), algorithm="brute").fit(kept)
    mean: np.ndarray = search.kneighbors(vectors)[0].mean(axis=1).astype(np.float64)
    return mean
