"""Contrast in scikit-learn: a transformer, ``make_pipeline(Contrast(), LogisticRegression())``, and a classifier.

Both take what ``fit`` takes, and rows of numbers as every estimator does: checked, counted, and refused with NaN. Items
that cannot be embedded, such as an empty text, keep their row: zeros, and a warning.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d, validate_data
from torch import Tensor

from counterpoint.api import finetune, fit
from counterpoint.classification.classifier import Classifier
from counterpoint.data.datasets import gives_pictures
from counterpoint.data.splits import UNLABELLED
from counterpoint.data.tables import is_table
from counterpoint.errors import InputError, LabelError
from counterpoint.model import Model
from counterpoint.plans import FinetunePlan, Plan
from counterpoint.setup.progress import silence

FEWEST = 4
"""The smallest number of rows for contrast."""


class Contrast(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Trains an encoder on the rows of X, without y, and transforms rows to unit vectors.

    X is an array of rows (n, d), series (n, c, t) or images (n, h, w[, c]), a data frame, or a list or a column of
    texts or of pictures.

    Args:
        method, encoder, width, epochs, batch_size, temperature, seed: As in ``Plan``; anything else of a plan can be
            chosen with ``counterpoint.fit``, whose models embed the same data.
        verbose: Show the progress of the training on stderr.

    Attributes:
        model_: The ``Model`` after ``fit``.
        n_features_in_, feature_names_in_: Columns of X, where it has columns, and their names, where they have names.

    >>> rows = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    >>> Contrast(epochs=1).fit_transform(rows).shape
    (40, 256)
    """

    model_: Model

    def __init__(
        self,
        *,
        method: Any = Plan.method,
        encoder: Any = Plan.encoder,
        width: Any = Plan.width,
        epochs: Any = Plan.epochs,
        batch_size: Any = Plan.batch_size,
        temperature: Any = Plan.temperature,
        seed: Any = Plan.seed,
        verbose: Any = False,
    ) -> None:  # scikit-learn's estimators accept anything here, also NumPy scalars, and validate in fit
        self.method = method
        self.encoder = encoder
        self.width = width
        self.epochs = epochs
        self.batch_size = batch_size
        self.temperature = temperature
        self.seed = seed
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> Contrast:  # noqa: N803  (scikit-learn's name)
        """Train on X. ``y`` is ignored."""
        source = learned_from(self, X)
        choices = self.get_params(deep=False)
        with silence(not choices.pop("verbose")):
            self.model_ = fit(source, **choices)
        return self

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Unit vectors (n, h) float32; zeros for what cannot be embedded."""
        check_is_fitted(self, "model_")
        return self.model_.embed(like_learned(self, X)).vectors

    @property
    def _n_features_out(self) -> int:
        return self.model_.length()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


class ContrastClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Trains an encoder on all rows of X, as in ``Contrast``, and a classifier on those that have a label.

    A row has no label where y is None, NaN or an empty text; and, as in ``sklearn.semi_supervised``, where y is -1, if
    y is of integers with at least two further classes. So -1 and +1 are two classes, and so are "-1" and "1".

    Args:
        encoder, width, epochs, batch_size, seed: As in ``Plan``; anything else can be chosen with ``counterpoint.fit``
            and ``counterpoint.finetune``.
        frozen, head_layers: As in ``FinetunePlan``.
        verbose: Show the progress of the training on stderr.

    Attributes:
        classifier_: The ``Classifier`` after ``fit``; its probabilities are calibrated on labels held out.
        classes_: The classes, as they were in ``y``.
        n_features_in_, feature_names_in_: As in ``Contrast``.

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
        width: Any = Plan.width,
        epochs: Any = Plan.epochs,
        batch_size: Any = Plan.batch_size,
        seed: Any = Plan.seed,
        frozen: Any = FinetunePlan.frozen,
        head_layers: Any = FinetunePlan.head_layers,
        verbose: Any = False,
    ) -> None:  # any values, as in Contrast
        self.encoder = encoder
        self.width = width
        self.epochs = epochs
        self.batch_size = batch_size
        self.seed = seed
        self.frozen = frozen
        self.head_layers = head_layers
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> ContrastClassifier:  # noqa: N803  (scikit-learn's name)
        """Train on X; y (n,) has one label for each row, or none."""
        source = learned_from(self, X)
        class_ids, self.classes_ = _coded(y)
        if not isinstance(source, str | Path | Mapping):
            check_consistent_length(source, class_ids)
        choices = self.get_params(deep=False)
        tuning = {name: choices.pop(name) for name in ("frozen", "head_layers")}
        with silence(not choices.pop("verbose")):
            model = fit(source, **choices)
            learned = finetune(model, source, labels=class_ids, seed=self.seed, **tuning)
        self.classifier_ = dataclasses.replace(learned, classes=[str(each) for each in self.classes_.tolist()])
        return self

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """The probability of each class for each row (n, k) float32, in the order of ``classes_``."""
        check_is_fitted(self, "classifier_")
        h, _ = self.classifier_.model.represent_source(like_learned(self, X))
        return self.classifier_.likely(h)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """The most probable class of every row."""
        likely = self.predict_proba(X)
        answers: np.ndarray = self.classes_[likely.argmax(axis=1)]
        return answers

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def learned_from(estimator: Any, X: Any) -> Any:  # noqa: N803
    """X as ``counterpoint.fit`` takes it; the names and number of its columns are stored in the estimator."""
    for name in ("n_features_in_", "feature_names_in_", "columns_"):
        if hasattr(estimator, name):
            delattr(estimator, name)
    if is_table(X):
        estimator.columns_ = [str(name) for name in X.columns]
        return validate_data(estimator, X, skip_check_array=True)
    other = _not_of_rows(X)
    return validate_data(estimator, X, ensure_min_samples=FEWEST) if other is None else other


def like_learned(estimator: Any, X: Any) -> Any:  # noqa: N803
    """X as the trained model takes it: columns of numbers get the names they had in training, if any."""
    columns: list[str] | None = getattr(estimator, "columns_", None)
    if columns is not None and is_table(X):
        return validate_data(estimator, X, reset=False, skip_check_array=True)
    other = _not_of_rows(X)
    if other is not None:
        return other
    rows = validate_data(estimator, X, reset=False)
    return rows if columns is None else dict(zip(columns, rows.T, strict=True))


def _not_of_rows(X: Any) -> Any:  # noqa: N803
    """X as a list or an array if it is texts, pictures, series or a path; None where it is rows of numbers."""
    if issparse(X) or is_table(X):
        return None
    if isinstance(X, str | Path | Mapping) or (isinstance(X, np.ndarray | Tensor) and X.ndim > 2):
        return X
    stacked = isinstance(X, list | tuple) and len(X) > 0 and np.ndim(X[0]) > 1 and hasattr(X[0], "dtype")
    if not stacked and gives_pictures(X):
        return X
    if isinstance(X, list | tuple):
        if X and all(isinstance(each, Path) for each in X):
            return X
        if X and np.ndim(X[0]) > 1:
            return _stacked(X)
    return _strings(X)


def _strings(X: Any) -> list[str] | None:  # noqa: N803
    """The texts in a list, an array or a column, "" where missing; None where there are none."""
    values = X.tolist() if hasattr(X, "tolist") and getattr(X, "ndim", 1) == 1 else X
    if not isinstance(values, list | tuple) or not any(isinstance(each, str) for each in values):
        return None
    return ["" if _missing(each) else each for each in values]


def _stacked(pictures: Any) -> np.ndarray:
    """Pictures or series in a list, as one array."""
    try:
        return np.stack([np.asarray(each) for each in pictures])
    except ValueError as wrong:
        raise InputError(f"Arrays in a list are all of one shape: {wrong}. Give pictures as Pillow images.") from wrong


def _missing(value: Any) -> bool:
    """Whether a cell or a label is None, NaN or pandas' NA, whose comparisons are undefined."""
    equal = value == value
    return value is None or not isinstance(equal, bool | np.bool_) or not equal


def _coded(y: Any) -> tuple[Int64[np.ndarray, " n"], np.ndarray]:
    """The class id of every row, -1 where unlabelled, and the classes, sorted."""
    if y is None:
        raise LabelError("This estimator requires y to be passed, but the target y is None.")
    some_missing = isinstance(y, list | tuple) and any(map(_missing, y))
    values = np.asarray(y, dtype=object if some_missing else None)  # else NaN would become a string
    if values.ndim == 2 and values.shape[1] > 1:
        raise LabelError(f"This classifier gives each row one class, and y has the shape {values.shape}. Use finetune.")
    values = column_or_1d(values, warn=True)
    labelled = np.asarray([not _missing(label) and label != "" for label in values.tolist()], dtype=bool)
    if not labelled.any():
        raise LabelError(f"None of the {len(labelled)} rows has a label. Label a few of every class.")
    named = values[labelled].tolist()
    if len({isinstance(label, str) for label in named}) > 1:
        raise LabelError("Some labels are texts and some are not. Write all of them as texts, or none.")
    labels = np.asarray(named, dtype=None if values.dtype == object else values.dtype)
    check_classification_targets(labels)
    if _unlabelled_by_number(labels):
        labelled[labelled] = labels != UNLABELLED
        labels = labels[labels != UNLABELLED]
    classes, result = np.unique(labels, return_inverse=True)
    class_ids = np.full(len(labelled), UNLABELLED, dtype=np.int64)
    class_ids[labelled] = result
    return class_ids, classes


def _unlabelled_by_number(labels: np.ndarray) -> bool:
    """Whether -1 means unlabelled; warns where it may be a class."""
    if labels.dtype.kind not in "if":
        return False
    values, counts = np.unique(labels, return_counts=True)
    without = values == UNLABELLED
    if not without.any():
        return False
    others = values[~without].tolist()
    if len(others) < 2:
        if others and others != [1]:
            _doubt(
                f"y holds only -1 and {others[0]:g}, and both count as classes. Write None where a label is missing."
            )
        return False
    if counts[without].item() < counts.max():
        _doubt(
            f"{counts[without].item():,} of {len(labels):,} rows have the label -1 and count as unlabelled. If it is a "
            "class, name the classes by texts."
        )
    return True


def _doubt(sentence: str) -> None:
    warnings.warn(sentence, UserWarning, stacklevel=5)
