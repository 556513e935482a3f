r"""Confidence intervals of scores from a single measurement, valid for few items and near 0 and 1.

    score         p_low, p_high = (p + c^2 / 2n -+ c sqrt(p (1 - p) / n + c^2 / 4n^2)) / (1 + c^2 / n)
    difference    d -+ c sqrt((s - d^2) / (m + 2)),    d = sum_j x_j / (m + 2),   s = (sum_j x_j^2 + 2) / (m + 2)

p is the mean of the items' scores and c the normal quantile.  Where each item is correct or not, n = m, the number of
items: Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA 22.  Where scores are
fractions, such as F1 or nDCG, n = p (1 - p) / se^2 is the number of binary items with the same variance, and c is
Student's: the effective sample size of surveys, Korn & Graubard 1998, "Confidence intervals for proportions with small
expected number of positive counts", Survey Methodology 24.

x_j is the difference of two models' scores on item j, from -1 to 1.  Two models are compared item by item, since
they fail on the same items: two intervals may overlap although the difference is certain.  Two items are added, one
that only the first model has correct and one that only the second does: Bonett & Price 2012, "Adjusted Wald confidence
interval for a difference of binomial proportions based on paired data", J. Educ. Behav. Stat. 37.

For grouped items, n is the number of independent items with the same variance, and both variances are those of
``group_variance``, with Student's c for the number of groups.

These intervals include the randomness of the test items, not that of training: for that see ``repeats``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Shaped

from counterpoint.errors import InputError
from counterpoint.evaluation.group_variance import GroupIds as GroupIds
from counterpoint.evaluation.group_variance import variance_over_groups

Correct = Shaped[np.ndarray, " _"]
"""One boolean or number from 0 to 1 per test item (m,): 1 where the prediction is correct, 0 where it is wrong."""


class Interval(NamedTuple):
    """A score and its confidence interval."""

    value: float
    low: float
    high: float


def score_interval(correct: Correct, *, level: float = 0.95, groups: GroupIds | None = None) -> Interval:
    """The mean over test items with its interval; with the group of each, over groups.

    >>> value, low, high = score_interval(np.asarray([True] * 20))
    >>> value, round(low, 3), high
    (1.0, 0.839, 1.0)
    """
    scores = _checked(correct, least=0, level=level)
    value, items = float(scores.mean()), len(scores)
    if groups is not None:
        return _over_groups(scores, groups, level)
    if items == 1 or np.isin(scores, (0, 1)).all():
        return wilson(value, items, normal_quantile(level))
    error = float(scores.var(ddof=1)) / items
    return wilson(value, effective_items(value, error, items), t_quantile(level, items - 1))


def _over_groups(scores: Float64[np.ndarray, " m"], groups: GroupIds, level: float) -> Interval:
    value, (variance, freedom) = float(scores.mean()), variance_over_groups(scores, groups)
    if freedom < 1:
        return Interval(value, 0.0, 1.0)
    # Where all items are correct, the correlation within groups is unknown: each group counts once.
    items = effective_items(value, variance, int(freedom) + 1)
    return wilson(value, min(items, len(scores)), t_quantile(level, freedom))


def paired_interval(
    first: Correct, second: Correct, *, level: float = 0.95, groups: GroupIds | None = None
) -> Interval:
    """The difference of the first model's score to the second's on the same test items, with its interval.

    >>> paired_interval(np.asarray([1, 1, 1, 0]), np.asarray([1, 1, 0, 0])).value
    0.25
    """
    if len(first) != len(second):
        raise InputError(
            f"Two models are compared on the same test items. Got {len(first)} of the first and {len(second)} of the "
            "second."
        )
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    return difference_interval(differences, level=level, groups=groups)


def difference_interval(differences: Correct, *, level: float = 0.95, groups: GroupIds | None = None) -> Interval:
    """The mean of differences from -1 to 1, one for each test item, with its interval; with groups, over groups."""
    x = with_two_more(_checked(differences, least=-1, level=level))
    value = float(np.mean(differences, dtype=np.float64))
    if groups is not None:
        freedom = len(np.unique(groups)) - 1
        if freedom < 1:
            return Interval(value, -1.0, 1.0)
        error = variance_over_groups(x, with_two_more_groups(groups)).value
        return around(value, float(x.mean()), t_quantile(level, freedom) * float(np.sqrt(error)))
    return around(value, float(x.mean()), normal_quantile(level) * float(np.sqrt(x.var() / len(x))))


def with_two_more(differences: Shaped[np.ndarray, "*draws m"]) -> Shaped[np.ndarray, "*draws n"]:
    """Differences with two more items, of which each model has one correct."""
    ends = np.broadcast_to([1.0, -1.0], (*differences.shape[:-1], 2))
    return np.concatenate([differences, ends], axis=-1)


def with_two_more_groups(groups: GroupIds) -> GroupIds:
    """The groups of ``with_two_more``: each of the two items is its own group."""
    return np.concatenate([groups, groups.max(initial=0) + np.asarray([1, 2])])


def around(value: float, centre: float, reach: float) -> Interval:
    """A difference of scores, clipped to -1 and 1, with an interval around a shifted centre."""
    return Interval(value, max(-1.0, centre - reach), min(1.0, centre + reach))


def wilson(value: float, items: float, quantile: float) -> Interval:
    """Wilson's interval of a proportion of ``n`` items.

    >>> [round(end, 3) for end in wilson(81 / 263, 263, 1.96)]
    [0.308, 0.255, 0.366]
    """
    more = quantile**2 / items
    centre = (value + more / 2) / (1 + more)
    reach = quantile / (1 + more) * np.sqrt(value * (1 - value) / items + more / items / 4)
    return Interval(value, max(0.0, min(value, float(centre - reach))), min(1.0, max(value, float(centre + reach))))


def effective_items(value: float, variance: float, items: int) -> float:
    """The number of binary items whose mean has this variance; ``items`` where nothing varies."""
    spread = value * (1 - value)
    return spread / variance if spread > 0 and variance > 1e-12 * spread else float(items)


def normal_quantile(level: float) -> float:
    """The half-width of an interval of this level, in standard errors.

    >>> round(normal_quantile(0.95), 2)
    1.96
    """
    from scipy.stats import norm

    return float(norm.ppf((1 + level) / 2))


def t_quantile(level: float, freedom: float) -> float:
    """The half-width of an interval of this level, in estimated standard errors."""
    from scipy.stats import t

    return float(t.ppf((1 + level) / 2, freedom))


def _checked(correct: Correct, *, least: int, level: float) -> Correct:
    scores = np.asarray(correct, dtype=np.float64)
    if len(scores) == 0:
        raise InputError("There are no test items, so there is no score. Give at least one.")
    if not 0 < level < 1:
        raise InputError(f"level must be between 0 and 1. Got level={level}.")
    if not (scores.min() >= least and scores.max() <= 1):
        raise InputError(f"Scores of items lie between {least} and 1. Got {scores.min():g} to {scores.max():g}.")
    return scores
