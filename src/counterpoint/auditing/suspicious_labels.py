r"""Label errors: labels that disagree with the cross-validated prediction of a classifier.

    q_ik      = (kNN vote + logistic regression) / 2,   learned without the fold of i,   calibrated
    score_i   = (1 - (q_ig - max_{k != g} q_ik)) / 2,   g the label of i
    P(wrong)  = 1 - (1 - e) p_ig / q_ig,     p_ig = (q_ig - f) / (1 - e - f),     f = e / (K - 1)
                and at most (max_{k != g} q_ik - 1/K) / (1 - 1/K)

The score is the normalised margin of confident learning: Northcutt, Jiang & Chuang 2021, arXiv:1911.00068, section 3.
q is the probability of the noisy label and p that of the true one, where a share e of labels was replaced at random.
f is the frequency of labels where the classifier all but excludes them; that these are all errors is the anchor-point
argument of Patrini et al. 2017, arXiv:1609.03683.  So an ambiguous item between two classes counts little.  To a
classifier at chance level all labels look random, which the argument takes for errors: hence the limit, the confidence
in another class beyond chance.

Items of one group, and near-duplicates, are in the same fold: otherwise a copy would confirm its own label error.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from counterpoint.embeddings import unit
from counterpoint.errors import LabelError
from counterpoint.evaluation.knn import knn_shares
from counterpoint.evaluation.linear import fit_on_one_thread

FOLDS, MOST = 5, 20_000
"""Folds of the cross-validation, and the most training items of one."""

STRENGTH = 0.1
"""C of the logistic regression on standardised vectors."""

CELLS = 2**21
"""The most probabilities that the calibration is fitted to."""

LEAST = 0.6
"""The share of the smallest probabilities of other classes at which f is measured."""

SURE = 0.99
"""The largest probability of an error."""


class LabelScores(NamedTuple):
    """How suspicious every label is; NaN and -1 for unlabelled items, and for classes with a single group."""

    score: Float[np.ndarray, " n"]
    probability: Float[np.ndarray, " n"]
    """That the label is an error."""
    likely: Int64[np.ndarray, " n"]
    """The most probable class other than the label."""
    predicted: Float[np.ndarray, "n k"]
    """Calibrated probabilities of all classes, fitted without the item's fold."""


def label_scores(
    vectors: Float32[np.ndarray, "n d"],
    class_ids: Int64[np.ndarray, " n"],
    groups: Int64[np.ndarray, " n"],
    *,
    classes: int,
    seed: int = 0,
) -> LabelScores:
    """Compare every label with the prediction of a classifier that was fitted to other folds.

    Args:
        vectors: One for every item.
        class_ids: 0 to ``classes`` - 1, or -1 where unlabelled.
        groups: Items that are in the same fold, such as those of a patient, and near-duplicates.
        classes: The number of classes.
        seed: Names the folds.

    Raises:
        LabelError: There are fewer than two classes, or no class has labels in two groups.
    """
    if classes < 2:
        raise LabelError(f"Label errors are found by comparing classes; give labels of at least two. Got {classes}.")
    z = unit(vectors - vectors.mean(axis=0))
    predicted = np.full((len(z), classes), np.nan, dtype=np.float32)
    fold = np.where(class_ids < 0, -1, _folds(class_ids, groups, seed=seed))
    tested = np.zeros(len(z), dtype=bool)
    for number in range(FOLDS):
        test, rest = np.flatnonzero(fold == number), np.flatnonzero((fold >= 0) & (fold != number))
        if not len(test) or len(np.unique(class_ids[rest])) < 2:
            continue
        train = np.sort(np.random.default_rng(seed).permutation(rest)[:MOST])
        knn = knn_shares(z[train], class_ids[train], z[test], classes=classes)
        predicted[test] = (knn + _linear(z, class_ids, train, test, classes)) / 2
        tested[test] = np.isin(class_ids[test], class_ids[train])
    if not tested.any():
        raise LabelError("No class has labels in two groups, so cross-validation cannot test any. Label more items.")
    return _scores(predicted, class_ids, tested, seed)


def _folds(
    class_ids: Int64[np.ndarray, " n"], groups: Int64[np.ndarray, " n"], *, seed: int
) -> Int64[np.ndarray, " n"]:
    """The fold of every item: groups are not split, and those whose first item has one class are spread evenly."""
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    order = np.lexsort((np.random.default_rng(seed).permutation(len(first)), class_ids[first]))
    fold_of_group = np.empty(len(first), dtype=np.int64)
    fold_of_group[order] = np.arange(len(first)) % FOLDS
    fold: np.ndarray = fold_of_group[group.reshape(-1)]
    return fold


def _linear(
    z: Float32[np.ndarray, "n d"],
    class_ids: Int64[np.ndarray, " n"],
    train: Int64[np.ndarray, " a"],
    test: Int64[np.ndarray, " b"],
    classes: int,
) -> Float[np.ndarray, "b k"]:
    """The probabilities of a logistic regression; 0 for classes without training items."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(z[train])
    unfitted = LogisticRegression(C=STRENGTH, tol=1e-3)
    model = fit_on_one_thread(unfitted, scaler.transform(z[train]), class_ids[train])
    probability = np.zeros((len(test), classes))
    probability[:, model.classes_] = model.predict_proba(scaler.transform(z[test]))
    return probability


def _scores(
    predicted: Float[np.ndarray, "n k"], class_ids: Int64[np.ndarray, " n"], tested: Bool[np.ndarray, " n"], seed: int
) -> LabelScores:
    """The scores of ``predicted`` before its calibration; the formulas are those above."""
    rows = np.flatnonzero(tested)
    q, label, every = predicted[rows], class_ids[rows], np.arange(len(rows))
    calibrated, f = _calibrated(q, label, seed)
    others = q.copy()
    others[every, label] = -1
    score, probability = np.full((2, len(class_ids)), np.nan)
    likely = np.full(len(class_ids), -1)
    likely[rows] = others.argmax(axis=1)
    score[rows] = (1 - (q[every, label] - others.max(axis=1))) / 2
    noisy = np.maximum(calibrated[every, label], 1e-9)
    e = min(f * (q.shape[1] - 1), 0.5)
    true = np.clip((noisy - f) / max(1 - e - f, 1e-9), 0, 1)
    other = (calibrated[every, likely[rows]] - 1 / q.shape[1]) / (1 - 1 / q.shape[1])
    probability[rows] = np.clip(1 - (1 - e) * true / noisy, 0, np.clip(other, 0, SURE))
    whole = np.full(predicted.shape, np.nan)
    whole[rows] = calibrated
    return LabelScores(score, probability, likely, whole)


def _calibrated(
    q: Float[np.ndarray, "m k"], label: Int64[np.ndarray, " m"], seed: int
) -> tuple[Float[np.ndarray, "m k"], float]:
    """The frequency of labels with such a probability, by isotonic regression; and f, its lower limit.

    Zadrozny & Elkan 2002, "Transforming classifier scores into accurate multiclass probability estimates".
    """
    from sklearn.isotonic import IsotonicRegression

    sample = np.random.default_rng(seed).permutation(len(q))[: max(1, CELLS // q.shape[1])]
    cells = q[sample].reshape(-1).astype(np.float64)
    is_label = (label[sample, None] == np.arange(q.shape[1])).reshape(-1)
    lowest = cells <= np.quantile(cells, LEAST * (1 - 1 / q.shape[1]))
    f = float(is_label[lowest].mean())
    fitted = IsotonicRegression(y_min=f, y_max=1.0, out_of_bounds="clip").fit(cells, is_label)
    return fitted.predict(q.reshape(-1)).reshape(q.shape), f
