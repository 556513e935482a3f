r"""PCA residual: what is left of an item outside the main directions of the normal ones (Q statistic, or SPE).

    s(x) = |(I - V V^T) (x - m)|,     V the leading eigenvectors, with ``share`` of the variance

Jackson & Mudholkar 1979, "Control procedures for residuals associated with principal component analysis".

Use when: as a baseline; on many series it beats networks (TSB-AD, Liu & Paparrizos 2024).
"""

from __future__ import annotations

from functools import partial

import numpy as np
from jaxtyping import Float, Float32, Float64

from counterpoint.anomaly_detection.scorer import Score
from counterpoint.data.subset import spread
from counterpoint.errors import PlanError

MOST = 2000
"""Items that the directions are computed from: more change them little and take long where features are many."""


def pca_residual(normal: Float32[np.ndarray, "n d"], *, share: float = 0.9) -> Score:
    """The distance to the subspace that holds this share of the variance of the normal vectors.

    >>> rows = np.random.default_rng(0).normal(size=(500, 3)) * [9, 9, 0.1]
    >>> score = pca_residual(rows.astype(np.float32))
    >>> bool(score(np.asarray([[0, 0, 5]], np.float32)) > 9 * score(np.asarray([[20, 20, 0]], np.float32)))
    True
    """
    if not 0 < share < 1:
        raise PlanError(f"The share of the variance is above 0 and below 1. Got share={share:g}.")
    mean = normal.mean(axis=0, dtype=np.float64)
    some = normal[spread(len(normal), MOST)] - mean
    _, strength, directions = np.linalg.svd(some, full_matrices=False)
    held = np.cumsum(np.square(strength))
    count = int(np.searchsorted(held, share * held[-1])) + 1 if held[-1] > 0 else 0
    return partial(_residual, mean=mean, kept=directions[: min(count, len(directions))])


def _residual(
    vectors: Float32[np.ndarray, "m d"], *, mean: Float64[np.ndarray, " d"], kept: Float[np.ndarray, "e d"]
) -> Float64[np.ndarray, " m"]:
    centred = vectors - mean
    rest: np.ndarray = np.linalg.norm(centred - centred @ kept.T @ kept, axis=1)
    return rest
