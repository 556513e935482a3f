r"""The predictions of a classifier for labelled items, and its least certain ones.

    ece = sum_b n_b / m |accuracy in b - mean probability in b|      ten bins of probability

The expected calibration error, Guo et al. 2017, arXiv:1706.04599, eq. 3.  It is above 0 for calibrated probabilities
too, the more so the fewer the items, and so it is reported beside its expected value.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64

from counterpoint.classification.classifier import Classifier
from counterpoint.data.splits import ClassIds, is_labelled
from counterpoint.errors import LabelError, listed
from counterpoint.evaluation.intervals import score_interval
from counterpoint.evaluation.labelled import Labelled
from counterpoint.interfaces import Items, info_of
from counterpoint.label_types import BETWEEN, named, renumbered

SHOWN = 16
"""The number of items listed as the most wrong, and as the least certain."""

BINS = 10

NONE = "none"
"""The name of an item without a class."""


def answered(
    classifier: Classifier,
    test: Labelled,
    train: Labelled,
    *,
    seed: int = 0,
    likely: Float32[np.ndarray, "m k"] | None = None,
) -> dict[str, Any]:
    """Accuracy with an interval, calibration, confusion and the most wrong items, as JSON values.

    Row i of ``confusion`` counts the items of class i by their predicted class. ``chance`` is the accuracy of always
    predicting the most frequent class of ``train``. ``likely`` are predictions of cross-validated classifiers, where
    it was itself trained on the items.

    Raises ``LabelError`` where items have classes that the classifier does not have.
    """
    class_ids, label_type = _class_ids(classifier, test), classifier.label_type
    learned = train.of(np.flatnonzero(is_labelled(train.labels)))
    usual = label_type.usual(_class_ids(classifier, learned))[:1].repeat(len(class_ids), axis=0)
    likely = classifier.probabilities(test.items) if likely is None else likely
    answers, sure = label_type.decided(likely), label_type.sure(likely)
    correct = label_type.right(answers, class_ids)
    return {
        **score_interval(correct, groups=test.groups)._asdict(),
        "items": len(class_ids),
        **({} if test.group_count is None else {"groups": test.group_count}),
        "kind": classifier.kind,
        "chance": float(label_type.right(usual, class_ids).mean()),
        "calibration": calibration_error(correct == 1, sure),
        "calibration_expected": expected_calibration_error(sure, seed=seed),
        "classes": list(classifier.classes),
        "confusion": confusion(answers, class_ids, len(classifier.classes)),
        "most_wrong": [
            _example(classifier, test.items, likely, row) | {"label": _name(classifier, class_ids[row])}
            for row in _surest(np.flatnonzero(correct < 1), sure)
        ],
    }


def unlearned(classifier: Classifier, test: Labelled, train: Labelled) -> Labelled:
    """The items that the classifier was not trained on, nor on any of their group."""
    learned = set(classifier.learned)
    left = test.without(learned)
    seen = {group for part in (train, test) for group in _groups_of(part, learned)}
    which = "every item" if len(left.items) == 0 else "some item of every group"
    if seen:
        groups = info_of(left.items).groups or ()
        left = left.of(np.flatnonzero(np.asarray([group not in seen for group in groups], dtype=bool)))
    if len(left.items) == 0:
        raise LabelError(f"The classifier has learned from the label of {which} of the test. Give a test source.")
    return left


def _groups_of(part: Labelled, names: Collection[str]) -> set[Any]:
    """The groups of the items of these names."""
    groups = info_of(part.items).groups
    return set() if groups is None else {groups[row] for row, name in enumerate(part.items.names) if name in names}


def least_certain(classifier: Classifier, items: Items) -> list[dict[str, Any]]:
    """The items whose most probable class is least probable: those to label next."""
    likely = classifier.probabilities(items)
    rows = np.argsort(classifier.label_type.sure(likely), kind="stable")[:SHOWN].tolist()
    return [_example(classifier, items, likely, row) for row in rows]


def confusion(answers: ClassIds, class_ids: ClassIds, count: int) -> list[list[int]]:
    """The number of items of each class by predicted class; multi-label, of missed classes by the class instead.

    >>> confusion(np.asarray([0, 1, 1]), np.asarray([0, 0, 1]), 2)
    [[1, 1], [0, 1]]
    >>> confusion(np.asarray([[1, 1, 0]]), np.asarray([[1, 0, 1]]), 3)
    [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    """
    if class_ids.ndim == 1:
        result: list[list[int]] = (
            np.bincount(class_ids * count + answers, minlength=count**2).reshape(count, count).tolist()
        )
        return result
    missed, instead = class_ids * (1 - answers), answers * (1 - class_ids)
    several: list[list[int]] = (missed.T @ instead + np.diag((class_ids * answers).sum(axis=0))).tolist()
    return several


def calibration_error(correct: Bool[np.ndarray, " m"], sure: Float32[np.ndarray, " m"]) -> float:
    """The mean distance between confidence and accuracy; 0 is calibrated.

    >>> calibration_error(np.asarray([True, True, True, False]), np.full(4, 0.75, dtype=np.float32))
    0.0
    """
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    difference = np.bincount(place, weights=correct - sure.astype(np.float64), minlength=BINS)
    return float(np.abs(difference).sum() / len(correct))


def expected_calibration_error(sure: Float32[np.ndarray, " m"], *, seed: int = 0, draws: int = 200) -> float:
    """The mean of ``calibration_error`` for perfectly calibrated predictions, by chance alone.

    >>> round(expected_calibration_error(np.full(100, 0.5, dtype=np.float32)), 2)
    0.04
    """
    correct = np.random.default_rng(seed).random((draws, len(sure))) < sure
    return float(np.mean([calibration_error(each, sure) for each in correct]))


def _surest(rows: Int64[np.ndarray, " w"], sure: Float32[np.ndarray, " m"]) -> list[int]:
    """The rows with the most confident predictions, in that order."""
    result: list[int] = rows[np.argsort(-sure[rows], kind="stable")][:SHOWN].tolist()
    return result


def _name(classifier: Classifier, code: np.ndarray | np.integer[Any]) -> str:
    name = classifier.label_type.name_of(code, classifier.classes)
    return NONE if name == BETWEEN else name


def _example(classifier: Classifier, items: Items, likely: Float32[np.ndarray, "n k"], row: int) -> dict[str, Any]:
    label_type, one = classifier.label_type, likely[row : row + 1]
    return {
        "name": items.names[row],
        "answer": _name(classifier, label_type.decided(one)[0]),
        "probability": float(label_type.sure(one)[0]),
        "second": classifier.classes[label_type.second(one[0])],
    }


def _class_ids(classifier: Classifier, test: Labelled) -> ClassIds:
    """The labels of the items, as the classifier's class ids."""
    there = test.occurring()
    unknown = sorted(there - set(classifier.classes))
    if unknown or named(test.labels) != classifier.kind:
        raise LabelError(
            f"The labels {listed(unknown or sorted(there), 5)} are none of what the classifier tells apart, "
            f"{listed(classifier.classes, 10)}."
        )
    return renumbered(test.labels, test.classes, classifier.classes)
