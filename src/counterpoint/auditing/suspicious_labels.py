r"""Labels that are probably wrong: what others say of an item beside what it is called.

    q_ik      = (kNN vote + logistic regression) / 2,   learned without the fold of i,   calibrated
    score_i   = (1 - (q_ig - max_{k != g} q_ik)) / 2,   g the label of i
    P(wrong)  = 1 - (1 - e) p_ig / q_ig,     p_ig = (q_ig - f) / (1 - e - f),     f = e / (K - 1)

The score is the normalised margin of confident learning: Northcutt, Jiang & Chuang 2021, arXiv:1911.00068, section 3.
q is the probability of the label that was written; where a share e of the labels was replaced by others at random, p is
that of the label that was meant.  f is how often a label stands where the classifier all but excludes it; that only
wrong ones do is the anchor-point argument of Patrini et al. 2017, arXiv:1609.03683.  So a shirt between two classes is
no mistake, and a shoe among the shirts is one.

Items of one group, and near-copies of each other, are of one fold: else a copy would vote for its own mistake.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from counterpoint.embeddings import Embeddings
from counterpoint.errors import LabelError
from counterpoint.retrieval.local_scaling import unit
from counterpoint.retrieval.nearest import nearest

FOLDS, MOST = 5, 20_000
"""Of cross-validation, and items that are learned from in one."""

NEIGHBOURS, TEMPERATURE = 20, 0.07
"""Of the vote, as in ``evaluation.knn``."""

STRENGTH = 0.1
"""C of the logistic regression on standardised vectors."""

CELLS = 2**21
"""Probabilities that the calibration is learned from."""

LEAST = 0.6
"""Share of those of other classes than the label, the smallest, in which a label that stands there is a mistake."""

SURE = 0.99
"""The largest probability of a mistake."""


class LabelScores(NamedTuple):
    """How suspicious every label is; NaN and -1 of items without a label, and where a class has one group only."""

    score: Float[np.ndarray, " n"]
    probability: Float[np.ndarray, " n"]
    """That the label is wrong."""
    likely: Int64[np.ndarray, " n"]
    """The most probable other class."""
    predicted: Float[np.ndarray, "n k"]
    """Calibrated probabilities of all classes, learned without the item."""


def label_scores(
    vectors: Float32[np.ndarray, "n d"],
    class_ids: Int64[np.ndarray, " n"],
    groups: Int64[np.ndarray, " n"],
    *,
    classes: int,
    seed: int = 0,
) -> LabelScores:
    """Judge every label by the others.

    Args:
        vectors: One for each item.
        class_ids: 0 to ``classes`` - 1, or -1 of an item without a label.
        groups: Items that are held out together, such as those of a patient and near-copies.
        classes: How many there are.
        seed: Names the folds.

    Raises:
        LabelError: There are fewer than two classes, or no class has labels in two groups.
    """
    if classes < 2:
        raise LabelError(f"Labels are judged by one another: it takes two classes. Got {classes}.")
    z = unit(vectors - vectors.mean(axis=0))
    predicted = np.full((len(z), classes), np.nan, dtype=np.float32)
    fold = np.where(class_ids < 0, -1, _folds(class_ids, groups, seed=seed))
    judged = np.zeros(len(z), dtype=bool)
    for number in range(FOLDS):
        held, kept = np.flatnonzero(fold == number), np.flatnonzero((fold >= 0) & (fold != number))
        if not len(held) or len(np.unique(class_ids[kept])) < 2:
            continue
        some = np.sort(np.random.default_rng(seed).permutation(kept)[:MOST])
        predicted[held] = (_voted(z, class_ids, some, held, classes) + _fitted(z, class_ids, some, held, classes)) / 2
        judged[held] = np.isin(class_ids[held], class_ids[some])
    if not judged.any():
        raise LabelError("No class has labels in two groups, so no label can be judged by the others. Label more.")
    return _scores(predicted, class_ids, judged, seed)


def _folds(
    class_ids: Int64[np.ndarray, " n"], groups: Int64[np.ndarray, " n"], *, seed: int
) -> Int64[np.ndarray, " n"]:
    """The fold of every item; groups stay whole, and those that begin with one class are dealt out evenly."""
    _, first, place = np.unique(groups, return_index=True, return_inverse=True)
    shuffled = np.random.default_rng(seed).permutation(len(first))
    order = np.lexsort((shuffled, class_ids[first]))
    fold = np.empty(len(first), dtype=np.int64)
    fold[order] = np.arange(len(first)) % FOLDS
    dealt: np.ndarray = fold[place.reshape(-1)]
    return dealt


def _voted(
    z: Float32[np.ndarray, "n d"],
    class_ids: Int64[np.ndarray, " n"],
    kept: Int64[np.ndarray, " a"],
    held: Int64[np.ndarray, " b"],
    classes: int,
) -> Float[np.ndarray, "b k"]:
    """The shares of the votes of the nearest that are kept, weighted by how alike they are."""
    rows, similarity = nearest(Embeddings(z[kept], [""] * len(kept)), z[held], k=NEIGHBOURS)
    weight = np.exp((similarity - similarity[:, :1]) / TEMPERATURE)
    votes = np.zeros((len(held), classes))
    np.add.at(votes, (np.arange(len(held))[:, None], class_ids[kept][rows]), weight)
    shares: np.ndarray = votes / votes.sum(axis=1, keepdims=True)
    return shares


def _fitted(
    z: Float32[np.ndarray, "n d"],
    class_ids: Int64[np.ndarray, " n"],
    kept: Int64[np.ndarray, " a"],
    held: Int64[np.ndarray, " b"],
    classes: int,
) -> Float[np.ndarray, "b k"]:
    """The probabilities of a logistic regression; 0 of classes that none of the items is of that are kept."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    scaler = StandardScaler().fit(z[kept])
    model: Any = LogisticRegression(C=STRENGTH, tol=1e-3)
    # One thread, and no warning at the limit of steps, for the reasons that ``evaluation.linear`` gives.
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The number of unique classes")
        model.fit(scaler.transform(z[kept]), class_ids[kept])
    probability = np.zeros((len(held), classes))
    probability[:, model.classes_] = model.predict_proba(scaler.transform(z[held]))
    return probability


def _scores(
    predicted: Float[np.ndarray, "n k"], class_ids: Int64[np.ndarray, " n"], judged: Bool[np.ndarray, " n"], seed: int
) -> LabelScores:
    rows = np.flatnonzero(judged)
    q, given, every = predicted[rows], class_ids[rows], np.arange(len(rows))
    calibrated, floor = _calibrated(q, given, seed)
    others = q.copy()
    others[every, given] = -1
    score, probability = np.full((2, len(class_ids)), np.nan)
    likely = np.full(len(class_ids), -1)
    likely[rows] = others.argmax(axis=1)
    score[rows] = (1 - (q[every, given] - others.max(axis=1))) / 2
    written = np.maximum(calibrated[every, given], 1e-9)
    replaced = min(floor * (q.shape[1] - 1), 0.5)
    meant = np.clip((written - floor) / max(1 - replaced - floor, 1e-9), 0, 1)
    probability[rows] = np.clip(1 - (1 - replaced) * meant / written, 0, SURE)
    whole = np.full(predicted.shape, np.nan)
    whole[rows] = calibrated
    return LabelScores(score, probability, likely, whole)


def _calibrated(
    q: Float[np.ndarray, "m k"], given: Int64[np.ndarray, " m"], seed: int
) -> tuple[Float[np.ndarray, "m k"], float]:
    """How often a label stands where it has such a probability, by isotonic regression; and f, its floor.

    Zadrozny & Elkan 2002, "Transforming classifier scores into accurate multiclass probability estimates".
    """
    from sklearn.isotonic import IsotonicRegression

    some = np.random.default_rng(seed).permutation(len(q))[: max(1, CELLS // q.shape[1])]
    cells = q[some].reshape(-1).astype(np.float64)
    stands = (given[some, None] == np.arange(q.shape[1])).reshape(-1)
    lowest = cells <= np.quantile(cells, LEAST * (1 - 1 / q.shape[1]))
    floor = float(stands[lowest].mean())
    fitted = IsotonicRegression(y_min=floor, y_max=1.0, out_of_bounds="clip").fit(cells, stands)
    return fitted.predict(q.reshape(-1)).reshape(q.shape), floor
