r"""Class overlap: pairs of classes that a classifier confuses.

    o_ab = ( mean over i of class a of q_ib  +  mean over i of class b of q_ia ) / 2

q are the cross-validated probabilities of ``suspicious_labels``.  0 for separable classes, 1/2 for two names of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

SHOWN, LEAST = 10, 0.05
"""The number of pairs that are listed at most, and the least overlap of each."""


@dataclass(frozen=True)
class Overlap:
    """Two classes and their overlap, in [0, 1/2]."""

    classes: Sequence[str]
    overlap: float


def class_overlap(
    predicted: Float[np.ndarray, "n k"], class_ids: Int64[np.ndarray, " n"], names: Sequence[str]
) -> list[Overlap]:
    """The pairs of classes that overlap, the largest overlap first; items without probabilities (NaN) are left out.

    >>> q = np.array([[0.6, 0.4, 0.0], [0.4, 0.6, 0.0], [0.0, 0.0, 1.0]])
    >>> class_overlap(q, np.array([0, 1, 2]), ["shirt", "blouse", "shoe"])
    [Overlap(classes=('shirt', 'blouse'), overlap=0.4)]
    """
    judged = ~np.isnan(predicted).any(axis=1)
    sums = np.zeros((len(names), len(names)))
    np.add.at(sums, class_ids[judged], predicted[judged])
    mean = sums / np.maximum(np.bincount(class_ids[judged], minlength=len(names)), 1)[:, None]
    both = np.triu((mean + mean.T) / 2, 1)
    order = np.argsort(-both, axis=None, kind="stable")[:SHOWN]
    result = []
    for a, b in zip(*np.unravel_index(order, both.shape), strict=True):
        if both[a, b] >= LEAST:
            result.append(Overlap((names[a], names[b]), round(float(both[a, b]), 4)))
    return result
