"""Contrast in scikit-learn: a transformer, ``make_pipeline(Contrast(), LogisticRegression())``, and a classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from counterpoint.api import finetune, fit
from counterpoint.classifiers.classifier import Classifier
from counterpoint.data.labels import whole
from counterpoint.errors import InputError
from counterpoint.model import Model
from counterpoint.plans import Plan, Tuning


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
        temperature: float | str | None = Plan.temperature,
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


class ContrastClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Learns an encoder from all rows of X and a classifier from those that have a label.

    As in ``sklearn.semi_supervised``, -1 in ``y`` means that a row has none.

    Args:
        encoder, width, epochs, batch_size, seed: As in ``Plan``; anything else can be chosen with ``counterpoint.fit``
            and ``counterpoint.finetune``.
        frozen, head_layers: As in ``Tuning``.

    Attributes:
        classifier_: The ``Classifier`` after ``fit``; its probabilities are calibrated on labels held out.
        classes_: The classes, as they were in ``y``.

    >>> rows = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    >>> y = np.where(np.arange(40) < 20, np.arange(40) % 2, -1)
    >>> ContrastClassifier(epochs=1, width=16).fit(rows, y).predict_proba(rows).shape
    (40, 2)
    """

    classifier_: Classifier

    def __init__(
        self,
        *,
        encoder: Any = Plan.encoder,
        width: int | None = Plan.width,
        epochs: int | None = Plan.epochs,
        batch_size: int | None = Plan.batch_size,
        seed: int = Plan.seed,
        frozen: bool = Tuning.frozen,
        head_layers: int = Tuning.head_layers,
    ) -> None:
        self.encoder = encoder
        self.width = width
        self.epochs = epochs
        self.batch_size = batch_size
        self.seed = seed
        self.frozen = frozen
        self.head_layers = head_layers

    def fit(self, X: Any, y: Any) -> ContrastClassifier:  # noqa: N803  (scikit-learn's name)
        """Train on X: rows (n, d), series (n, c, t) or images (n, h, w[, c]); y has one label for each, or -1."""
        X = np.asarray(X) if isinstance(X, list) else X
        y = whole(np.asarray(y))
        if y.ndim != 1:
            raise InputError(f"This classifier gives each row one class, and y has the shape {y.shape}. Use finetune.")
        choices = self.get_params()
        frozen, head_layers = choices.pop("frozen"), choices.pop("head_layers")
        model = fit(X, **choices)
        self.classifier_ = finetune(model, X, labels=y, frozen=frozen, head_layers=head_layers, seed=self.seed)
        known = {str(label): label for label in y.tolist()}
        self.classes_ = np.asarray([known[name] for name in self.classifier_.classes])
        if hasattr(X, "shape") and len(X.shape) == 2:
            self.n_features_in_ = X.shape[1]
        return self

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """How likely each row is of each class (n, k) float32, in the order of ``classes_``."""
        check_is_fitted(self, "classifier_")
        X = np.asarray(X) if isinstance(X, list) else X
        return self.classifier_.probabilities(self.classifier_.model.modality.open(X))

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """The likeliest class of every row."""
        likely = self.predict_proba(X)
        answers: np.ndarray = self.classes_[likely.argmax(axis=1)]
        return answers
