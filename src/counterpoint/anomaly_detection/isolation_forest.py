"""Isolation forest: how few random cuts isolate an item (Liu, Ting & Zhou 2008), from scikit-learn.

Use when: as a baseline, on columns of a table.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from counterpoint.anomaly_detection.scorer import Score


def isolation_forest(normal: Float32[np.ndarray, "n d"], *, trees: int = 100, seed: int = 0) -> Score:
    """The anomaly score of the paper, from 0 to 1.

    >>> score = isolation_forest(np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32))
    >>> bool(score(np.asarray([[9, 9]], dtype=np.float32)) > score(np.asarray([[0, 0]], dtype=np.float32)))
    True
    """
    from sklearn.ensemble import IsolationForest

    return partial(_ease, forest=IsolationForest(n_estimators=trees, random_state=seed).fit(normal))


def _ease(vectors: Float32[np.ndarray, "m d"], *, forest: Any) -> Float64[np.ndarray, " m"]:
    """How easily items are isolated."""
    ease: np.ndarray = -forest.score_samples(vectors).astype(np.float64)
    return ease
