r"""Class imbalance, and coverage: whether test items lie where there are training items.

    effective classes = exp( - sum_k p_k log p_k ),    p_k the share of class k
    uncovered         = share of test items whose nearest training item is farther than that of 95 % of training items

The first is the number of order 1 of Hill 1973, "Diversity and evenness", Ecology 54; the second is the share of test
items without a training item in their neighbourhood.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float32

from counterpoint.data.subset import spread
from counterpoint.embeddings import unit
from counterpoint.evaluation.intervals import score_interval
from counterpoint.retrieval.nearest import neighbours

MOST, FAR = 20_000, 0.95
"""Training items that are compared, and the quantile of their nearest distances from which on one is far."""

FEW = 10
"""Items of a class below which it is reported as small."""


def imbalance(counts: Mapping[str, int]) -> dict[str, Any]:
    """Items per class, effective classes, ratio of the largest to the smallest, and small classes, as JSON values.

    >>> imbalance({"a": 99, "b": 1})["ratio"], imbalance({"a": 5, "b": 5})["effective_classes"]
    (99.0, 2.0)
    """
    numbers = np.asarray([count for count in counts.values() if count], dtype=np.float64)
    share = numbers / numbers.sum()
    return {
        "counts": dict(sorted(counts.items(), key=lambda each: -each[1])),
        "classes": len(counts),
        "effective_classes": round(float(np.exp(-(share * np.log(share)).sum())), 2),
        "ratio": round(float(numbers.max() / numbers.min()), 2),
        "few": [name for name, count in counts.items() if count < FEW],
    }


def coverage(train: Float32[np.ndarray, "n d"], test: Float32[np.ndarray, "m d"]) -> dict[str, Any]:
    """The share of test items that are far from all training items, with its interval; 5 % are expected."""
    mean = train.mean(axis=0)
    reference = unit(train - mean)[spread(len(train), MOST)]
    sample = spread(len(reference), MOST // 10)
    within = neighbours(reference, reference[sample], k=1, skip=sample.tolist())[1][:, 0]
    across = neighbours(reference, unit(test - mean), k=1)[1][:, 0]
    value, low, high = score_interval(across < np.quantile(within, 1 - FAR))
    return {"uncovered": value, "low": low, "high": high, "expected": round(1 - FAR, 4), "items": len(test)}
