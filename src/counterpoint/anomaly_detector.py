"""Anomaly detection in scikit-learn: an outlier detector whose threshold has a bounded rate of false alarms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from counterpoint.anomaly_detection.conformal import Calibration, require_alarm, require_rate
from counterpoint.anomaly_detection.scorer import Score, fitted, scorer_of
from counterpoint.anomaly_detection.units import Units
from counterpoint.api import fit
from counterpoint.errors import InputError
from counterpoint.estimator import FEWEST, learned_from, like_learned
from counterpoint.model import Model
from counterpoint.plans import Plan
from counterpoint.setup.progress import silence


class AnomalyDetector(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """Trains an encoder and a score on half of the rows of X, which are normal, and its threshold on the other half.

    A normal row that is exchangeable with those of X has an alarm with a probability of at most ``alarm``
    (``anomaly_detection/conformal.py``). X is as for ``Contrast``, in memory.

    Args:
        scorer: As in ``anomalies``: knn, mahalanobis and others, with options.
        alarm: The highest probability of an alarm for a normal row.
        encoder, width, epochs, seed: As in ``Plan``; anything else can be chosen with ``counterpoint.fit``
            and ``counterpoint.anomalies``.
        verbose: Show the progress of the training on stderr.

    Attributes:
        model_: The ``Model`` after ``fit``.
        offset_: Rows whose ``score_samples`` is below it have an alarm.
        n_features_in_, feature_names_in_: As in ``Contrast``.

    >>> rows = np.random.default_rng(0).normal(size=(80, 6)).astype(np.float32)
    >>> AnomalyDetector(epochs=1, width=16, alarm=0.1).fit(rows).predict(rows[:2]).shape
    (2,)
    """

    model_: Model
    score_: Score

    def __init__(
        self,
        *,
        scorer: Any = "mahalanobis",
        alarm: Any = 0.05,
        encoder: Any = Plan.encoder,
        width: Any = Plan.width,
        epochs: Any = Plan.epochs,
        seed: Any = Plan.seed,
        verbose: Any = False,
    ) -> None:  # any values, as in Contrast
        self.scorer = scorer
        self.alarm = alarm
        self.encoder = encoder
        self.width = width
        self.epochs = epochs
        self.seed = seed
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> AnomalyDetector:  # noqa: N803  (scikit-learn's name)
        """Train on X, whose rows are normal. ``y`` is ignored."""
        source = learned_from(self, X)
        if isinstance(source, str | Path):
            raise InputError("This estimator takes rows in memory. For files use counterpoint.fit and anomalies.")
        require_rate("alarm", self.alarm)
        scorer, rows = scorer_of(self.scorer), _count(source)
        fitting, calibrating = Units.of(rows, None, None).halves(seed=self.seed)
        if rows >= 2 * FEWEST:  # for fewer, fit says what is too little
            require_alarm(self.alarm, len(calibrating))
        choices = {name: getattr(self, name) for name in ("encoder", "width", "epochs", "seed")}
        with silence(not self.verbose):
            self.model_ = fit(_rows(source, fitting), **choices)
        items = self.model_.open(source)
        h = self.model_.represent(items)
        if len(items) != rows:
            raise InputError(f"{rows - len(items)} of {rows} rows cannot be embedded. Leave them out of fit.")
        self.score_ = fitted(scorer, h[fitting])
        calibration = Calibration.of(self.score_(h[calibrating]), np.arange(len(calibrating)))
        self.offset_ = -calibration.threshold(self.alarm)
        return self

    def score_samples(self, X: Any) -> np.ndarray:  # noqa: N803
        """How normal every row is (n,), larger is more: the negative score."""
        check_is_fitted(self, "model_")
        h, _ = self.model_.represent_source(like_learned(self, X))
        normality: np.ndarray = -self.score_(h)
        return normality

    def decision_function(self, X: Any) -> np.ndarray:  # noqa: N803
        """The same above the threshold: negative where there is an alarm."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """-1 where there is an alarm, else 1."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _count(source: Any) -> int:
    """The number of rows."""
    return len(next(iter(source.values()))) if isinstance(source, dict) else len(source)


def _rows(source: Any, rows: np.ndarray) -> Any:
    """Some rows of data in memory."""
    if isinstance(source, dict):
        return {name: _rows(column, rows) for name, column in source.items()}
    if hasattr(source, "iloc"):
        return source.iloc[rows]
    if isinstance(source, list | tuple):
        return [source[row] for row in rows.tolist()]
    return source[rows.tolist()] if isinstance(source, Tensor) or not isinstance(source, np.ndarray) else source[rows]
