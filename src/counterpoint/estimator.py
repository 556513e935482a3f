"""Contrast as a scikit-learn transformer: ``make_pipeline(Contrast(), LogisticRegression())``."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from counterpoint.api import fit
from counterpoint.model import Model
from counterpoint.plans import Plan


class Contrast(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Learns an encoder from the rows of X, without y, and turns rows into unit vectors.

    Args:
        method, encoder, width, epochs, batch_size, temperature, seed: As in ``Plan``; anything else of a plan can be
            chosen with ``counterpoint.fit``, whose models embed the same data.

    Attributes:
        model_: The ``Model`` after ``fit``.

    >>> rows = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    >>> Contrast(epochs=1).fit_transform(rows).shape
    (40, 256)
    """

    model_: Model

    def __init__(
        self,
        *,
        method: str = Plan.method,
        encoder: Any = Plan.encoder,
        width: int | None = Plan.width,
        epochs: int | None = Plan.epochs,
        batch_size: int | None = Plan.batch_size,
        temperature: float = Plan.temperature,
        seed: int = Plan.seed,
    ) -> None:
        self.method = method
        self.encoder = encoder
        self.width = width
        self.epochs = epochs
        self.batch_size = batch_size
        self.temperature = temperature
        self.seed = seed

    def fit(self, X: Any, y: Any = None) -> Contrast:  # noqa: N803  (scikit-learn's name)
        """Train on X: rows (n, d), series (n, c, t) or images (n, h, w[, c]). ``y`` is ignored."""
        X = np.asarray(X) if isinstance(X, list) else X
        self.model_ = fit(X, **self.get_params())
        if hasattr(X, "shape") and len(X.shape) == 2:
            self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Unit vectors (n, h) float32."""
        check_is_fitted(self, "model_")
        return self.model_.embed(np.asarray(X) if isinstance(X, list) else X).vectors
