"""Cross-validation: every label is compared with the prediction of a classifier that was not trained on it.

    fold(i) = (index of i within its class, shuffled  +  index of its class) mod K

Stratified K-fold, Kohavi 1995, "A study of cross-validation and bootstrap", section 3.  Where classes have few labels,
adding the index of the class spreads the classes that a fold lacks over the folds.  The only label of a class is never
held out, as no classifier could predict it.  With many labels one fold is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int64

from counterpoint.classification.classifier import Classifier
from counterpoint.data.group_splits import GroupIds, group_folds
from counterpoint.data.splits import ClassIds, members
from counterpoint.evaluation.labelled import Labelled

FOLDS = 5

REHEARSED = 2
"""Folds for what takes long, such as a student."""

ENOUGH = 400
"""Held-out labels that are enough: accuracy is then known to 5 points."""


class Fold(NamedTuple):
    """The training and held-out labels, by their indices."""

    kept: Int64[np.ndarray, " n"]
    held: Int64[np.ndarray, " m"]


@dataclass(frozen=True)
class Answered:
    """Predictions for held-out items: their indices, and one score per class."""

    rows: Int64[np.ndarray, " m"]
    scores: Float32[np.ndarray, "m k"]
    by: Sequence[Classifier] = ()
    """The classifiers of the first folds."""

    def of(self, rows: Int64[np.ndarray, " a"]) -> Float32[np.ndarray, "a k"]:
        """The scores of some of them, in this order."""
        result: np.ndarray = self.scores[places(rows, self.rows)]
        return result


def places(rows: Int64[np.ndarray, " a"], among: Int64[np.ndarray, " m"]) -> Int64[np.ndarray, " a"]:
    """The indices of some rows among others, all of which are different.

    >>> places(np.asarray([7, 2]), np.asarray([5, 2, 7])).tolist()
    [2, 1]
    """
    order = np.argsort(among)
    result: np.ndarray = order[np.searchsorted(among[order], rows)]
    return result


def folds(class_ids: ClassIds, classes: int, *, seed: int, groups: GroupIds | None = None) -> list[Fold]:
    """The non-empty folds of labelled items; none where every class has one label, or all are in one group.

    With groups, none is divided, and one fold is enough only if it has so many groups.

    >>> [(fold.kept.tolist(), fold.held.tolist()) for fold in folds(np.asarray([0, 1, 1, 2, 2, 2]), 3, seed=0)][0]
    ([0, 1, 3, 4, 5], [2])
    >>> folds(np.asarray([0, 1, 2]), 3, seed=0)
    []
    """
    if groups is not None:
        masks = group_folds(class_ids, groups, count=FOLDS, seed=seed)[: _wanted(len(np.unique(groups)))]
        return [Fold(np.flatnonzero(~held), np.flatnonzero(held)) for held in masks if held.any()]
    number = np.zeros(len(class_ids), dtype=np.int64)
    if class_ids.ndim == 1:
        for code, rows in enumerate(members(class_ids, classes, seed=seed)):
            number[rows] = (np.arange(len(rows)) + code) % FOLDS if len(rows) > 1 else -1
    else:
        number = np.random.default_rng(seed).permutation(len(class_ids)) % FOLDS
    parts = []
    for fold in range(_wanted(len(class_ids))):
        held = number == fold if class_ids.ndim == 1 else _spared(class_ids, number == fold)
        if held.any():
            parts.append(Fold(np.flatnonzero(~held), np.flatnonzero(held)))
    return parts


def _wanted(count: int) -> int:
    """The number of folds whose held-out labels are enough."""
    return min(FOLDS, -(-ENOUGH * FOLDS // count))


def answered_in(parts: Sequence[Fold], labelled: Labelled, make: Callable[[int], Classifier]) -> Answered | None:
    """Scores for each fold by a classifier that ``make`` trains without it, given its index; None without folds."""
    if not parts:
        return None
    scores: list[np.ndarray] = []
    kept: list[Classifier] = []
    for number, part in enumerate(parts):
        classifier = make(number)
        scores.append(classifier.scores(labelled.of(part.held).items))
        kept += [classifier] if len(kept) < REHEARSED else []
    return Answered(np.concatenate([part.held for part in parts]), np.concatenate(scores), kept)


def _spared(class_ids: Int64[np.ndarray, "n k"], held: Bool[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """For multi-label items: the held-out ones without which every class still has a positive and a negative."""
    spared = np.zeros_like(held)
    of_it, others = class_ids.sum(axis=0), (1 - class_ids).sum(axis=0)
    for row in np.flatnonzero(held):
        fewer, fewer_others = of_it - class_ids[row], others - (1 - class_ids[row])
        if fewer.min() >= 1 and fewer_others.min() >= 1:
            spared[row], of_it, others = True, fewer, fewer_others
    return spared
