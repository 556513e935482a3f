r"""How far a score may be trusted: the percentile bootstrap over test items.

    draw m of the m test items with replacement, score, repeat; the middle 95 % of the scores are the interval

Efron & Tibshirani 1993, "An introduction to the bootstrap", chapter 13.  Two models are compared item by
item, since they find the same items hard: two intervals may overlap although the difference is certain.
The interval knows only the luck of the test items, not that of training; and it has no width where every
item is right, or every item is wrong.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped

from counterpoint.errors import InputError

Correct = Shaped[np.ndarray, " _"]
"""One number or boolean per test item (m,): 1 where the prediction is right, 0 where it is wrong."""

CELLS = 2**20
"""Counts held at once: 8 MB of int64."""


class Interval(NamedTuple):
    """A score and the range in which it may lie."""

    value: float
    low: float
    high: float


def bootstrap(correct: Correct, *, seed: int = 0, draws: int = 2000, level: float = 0.95) -> Interval:
    """The mean over test items with its interval.

    >>> score = bootstrap(np.asarray([True, True, True, False] * 25))
    >>> score.value, 0.6 < score.low < 0.75 < score.high < 0.9
    (0.75, True)
    """
    if len(correct) == 0:
        raise InputError("There are no test items, so there is no score. Give at least one.")
    if draws < 1 or not 0 < level < 1:
        raise InputError(f"draws must be at least 1 and level between 0 and 1. Got draws={draws}, level={level}.")
    # Items of equal value are interchangeable: a resample is how often each distinct value is drawn.
    values, counts = np.unique(np.asarray(correct, dtype=np.float64), return_counts=True)
    generator = np.random.default_rng(seed)
    height = max(1, CELLS // len(values))
    means = []
    for start in range(0, draws, height):
        drawn = generator.multinomial(len(correct), counts / len(correct), size=min(height, draws - start))
        means.append(drawn @ values / len(correct))
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(values @ counts / len(correct)), float(low), float(high))


def paired(
    correct_a: Correct, correct_b: Correct, *, seed: int = 0, draws: int = 2000, level: float = 0.95
) -> Interval:
    """How much better the first model is than the second on the same test items, with its interval.

    >>> paired(np.asarray([1, 1, 1, 0]), np.asarray([1, 1, 1, 0]))
    Interval(value=0.0, low=0.0, high=0.0)
    """
    if len(correct_a) != len(correct_b):
        raise InputError(
            "Two models are compared on the same test items. "
            f"Got {len(correct_a)} of the first and {len(correct_b)} of the second."
        )
    difference = np.asarray(correct_a, dtype=np.float64) - np.asarray(correct_b, dtype=np.float64)
    return bootstrap(difference, seed=seed, draws=draws, level=level)
