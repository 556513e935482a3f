r"""Mahalanobis distance from the mean of the normal items, with a shrunk covariance.

    s(x) = sqrt((h(x) - m)^T S^-1 (h(x) - m)),     S = (1 - a) C + a tr(C) / d I

C is the covariance of the normal vectors, m their mean, and a the shrinkage of Ledoit & Wolf 2004, "A well-conditioned
estimator for large-dimensional covariance matrices", so that there may be fewer items than dimensions.  For features of
networks Rippel, Mertens & Merhof 2020, arXiv:2005.14140.

Use when: normal items are of one kind.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from counterpoint.anomaly_detection.scorer import Score


def mahalanobis(normal: Float32[np.ndarray, "n d"]) -> Score:
    """The distance in standard deviations of the normal vectors; Euclidean where those are all equal.

    >>> rows = np.random.default_rng(0).normal(size=(5000, 2)) * [1, 10]
    >>> score = mahalanobis(rows.astype(np.float32))
    >>> score(np.asarray([[3, 0], [0, 30]], dtype=np.float32)).round().tolist()
    [3.0, 3.0]
    """
    from sklearn.covariance import LedoitWolf

    shrunk = LedoitWolf().fit(normal.astype(np.float64))
    if not shrunk.covariance_.any():  # all are equal; the inverse would be taken as zero, and every distance with it
        shrunk.precision_ = np.eye(normal.shape[1])
    return partial(_distance, shrunk=shrunk)


def _distance(vectors: Float32[np.ndarray, "m d"], *, shrunk: Any) -> Float64[np.ndarray, " m"]:
    distance: np.ndarray = np.sqrt(np.maximum(shrunk.mahalanobis(vectors.astype(np.float64)), 0))
    return distance
