r"""What a classifier answers to items whose class is known, and what it is least sure of.

    ece = sum_b n_b / m |share right in b - mean probability in b|      ten bins of probability

The expected calibration error, Guo et al. 2017, arXiv:1706.04599, eq. 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64

from counterpoint.classifiers.classifier import Classifier
from counterpoint.errors import LabelError, listed
from counterpoint.evaluation.intervals import bootstrap
from counterpoint.evaluation.labelled import Labelled
from counterpoint.interfaces import Items

SHOWN = 16
"""Items that are named as the most wrong, and as the least certain."""

BINS = 10


def answered(classifier: Classifier, asked: Labelled, *, seed: int = 0) -> dict[str, Any]:
    """Accuracy with its interval, calibration, confusion and the most wrong items, as JSON can hold them.

    Row i of ``confusion`` counts the items of class i by the class that they are taken for.

    Raises ``LabelError`` where the items are of classes that the classifier does not know.
    """
    codes = _own_codes(classifier, asked)
    likely = classifier.probabilities(asked.items)
    answers, sure = likely.argmax(axis=1), likely.max(axis=1)
    right = answers == codes
    k = len(classifier.classes)
    return {
        **bootstrap(right, seed=seed)._asdict(),
        "items": len(codes),
        "chance": float(np.bincount(codes).max() / len(codes)),
        "calibration": calibration_error(right, sure),
        "classes": list(classifier.classes),
        "confusion": np.bincount(codes * k + answers, minlength=k * k).reshape(k, k).tolist(),
        "most_wrong": [
            _said(classifier, asked.items, likely, row) | {"label": classifier.classes[codes[row]]}
            for row in np.argsort(np.where(right, -1, sure), kind="stable")[::-1][: min(SHOWN, int((~right).sum()))]
        ],
    }


def unlearned(classifier: Classifier, asked: Labelled) -> Labelled:
    """The items whose labels the classifier has not learned from."""
    left = asked.without(set(classifier.learned))
    if len(left.items) == 0:
        raise LabelError("The classifier has learned from the label of every item to ask about. Give a test source.")
    return left


def least_certain(classifier: Classifier, items: Items) -> list[dict[str, Any]]:
    """The items whose likeliest class is least likely: those to label next."""
    likely = classifier.probabilities(items)
    rows = np.argsort(likely.max(axis=1), kind="stable")[:SHOWN]
    return [_said(classifier, items, likely, row) for row in rows]


def calibration_error(right: Bool[np.ndarray, " m"], sure: Float32[np.ndarray, " m"]) -> float:
    """The mean distance between how sure the answers are and how often they are right; 0 is honest.

    >>> calibration_error(np.asarray([True, True, True, False]), np.full(4, 0.75, dtype=np.float32))
    0.0
    """
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    difference = np.bincount(place, weights=right - sure.astype(np.float64), minlength=BINS)
    return float(np.abs(difference).sum() / len(right))


def _said(classifier: Classifier, items: Items, likely: Float32[np.ndarray, "n k"], row: int) -> dict[str, Any]:
    first, second = np.argsort(-likely[row], kind="stable")[:2]
    return {
        "name": items.names[row],
        "answer": classifier.classes[first],
        "probability": float(likely[row, first]),
        "second": classifier.classes[second],
    }


def _own_codes(classifier: Classifier, asked: Labelled) -> Int64[np.ndarray, " m"]:
    """The classifier's numbers of the classes of the items."""
    known = {name: code for code, name in enumerate(classifier.classes)}
    named = [asked.classes[code] for code in asked.labels]
    unknown = sorted(set(named) - set(known))
    if unknown:
        raise LabelError(
            f"The labels {listed(unknown, 5)} are none of the classes that the classifier tells apart, "
            f"{listed(classifier.classes, 10)}."
        )
    return np.asarray([known[name] for name in named], dtype=np.int64)
