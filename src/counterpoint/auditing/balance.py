r"""Imbalance of classes, and coverage: whether items, and test items, lie where there are many others.

    effective classes = exp( - sum_k p_k log p_k ),    p_k the share of class k
    uncovered         = share of test items whose nearest training item is farther than that of 95 % of training items

The first is Hill's number of order 1, 1973, "Diversity and evenness"; the second what a kNN would never have seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float32

from counterpoint.data.subset import spread
from counterpoint.embeddings import Embeddings
from counterpoint.evaluation.intervals import score_interval
from counterpoint.retrieval.local_scaling import unit
from counterpoint.retrieval.nearest import nearest

MOST, FAR = 20_000, 0.95
"""Items that stand for all, and the quantile of the distances among training items that counts as far."""

FEW = 10
"""Items of a class below which it can hardly be learned."""


def imbalance(counts: Mapping[str, int]) -> dict[str, Any]:
    """How evenly items are spread over classes.

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
    """The share of test items that lie far from all training items, with its interval; 5 % are expected."""
    mean = train.mean(axis=0)
    kept = unit(train - mean)[spread(len(train), MOST)]
    items = Embeddings(kept, [""] * len(kept))
    some = spread(len(kept), MOST // 10)
    usual = nearest(items, kept[some], k=1, skip=some.tolist())[1][:, 0]
    closest = nearest(items, unit(test - mean), k=1)[1][:, 0]
    value, low, high = score_interval(closest < np.quantile(usual, 1 - FAR))
    return {"uncovered": value, "low": low, "high": high, "expected": round(1 - FAR, 4), "items": len(test)}
