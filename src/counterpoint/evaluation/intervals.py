r"""How far a score may be trusted that was measured once: intervals that hold for few items and close to 0 and 1.

    score         p_low, p_high = (p + c^2 / 2n -+ c sqrt(p (1 - p) / n + c^2 / 4n^2)) / (1 + c^2 / n)
    difference    d -+ c sqrt((s - d^2) / (m + 2)),    d = sum_j x_j / (m + 2),   s = (sum_j x_j^2 + 2) / (m + 2)

p is the mean of the items' scores and c the normal quantile.  Where each item is right or wrong n = m, the number of
items: Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA 22.  Where items have
shares, as F1 or nDCG, n = p (1 - p) / se^2 is how many items that are right or wrong would be as sure, and c is
Student's: the effective sample size of surveys, Korn & Graubard 1998, "Confidence intervals for proportions with small
expected number of positive counts", Survey Methodology 24.

x_j is how much better one model does item j than another, from -1 to 1.  Two models are compared item by item, since
they find the same items hard: two intervals may overlap although the difference is certain.  Two items are added, one
that only the first model gets right and one that only the second does: Bonett & Price 2012, "Adjusted Wald confidence
interval for a difference of binomial proportions based on paired data", J. Educ. Behav. Stat. 37.

Where items come in groups, n is how many unrelated items would be as sure as they are, and both variances are those of
``group_variance``, with Student's c for the number of groups.

These intervals know the luck of the test items, not that of training: for that see ``repeats``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Shaped

from counterpoint.errors import InputError
from counterpoint.evaluation.group_variance import GroupIds as GroupIds
from counterpoint.evaluation.group_variance import variance_over_groups

Correct = Shaped[np.ndarray, " _"]
"""One boolean or number from 0 to 1 per test item (m,): 1 where the prediction is right, 0 where it is wrong."""


class Interval(NamedTuple):
    """A score and the range in which it may lie."""

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
    # Where all items are right nothing says how alike those of one group are: each group counts once.
    items = effective_items(value, variance, int(freedom) + 1)
    return wilson(value, min(items, len(scores)), t_quantile(level, freedom))


def paired_interval(
    first: Correct, second: Correct, *, level: float = 0.95, groups: GroupIds | None = None
) -> Interval:
    """How much better the first model is than the second on the same test items, with its interval.

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
    """The mean of differences from -1 to 1, one for each test item, with its interval; of groups, over groups."""
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
    """Differences with those of two more items, of which each model gets another one right."""
    ends = np.broadcast_to([1.0, -1.0], (*differences.shape[:-1], 2))
    return np.concatenate([differences, ends], axis=-1)


def with_two_more_groups(groups: GroupIds) -> GroupIds:
    """The groups of ``with_two_more``: each of the two more items is one of its own."""
    return np.concatenate([groups, groups.max(initial=0) + np.asarray([1, 2])])


def around(value: float, centre: float, reach: float) -> Interval:
    """A difference of scores, which lies between -1 and 1, with an interval around another place."""
    return Interval(value, max(-1.0, centre - reach), min(1.0, centre + reach))


def wilson(value: float, items: float, quantile: float) -> Interval:
    """Wilson's interval of a share of so many items.

    >>> [round(end, 3) for end in wilson(81 / 263, 263, 1.96)]
    [0.308, 0.255, 0.366]
    """
    more = quantile**2 / items
    centre = (value + more / 2) / (1 + more)
    reach = quantile / (1 + more) * np.sqrt(value * (1 - value) / items + more / items / 4)
    return Interval(value, max(0.0, min(value, float(centre - reach))), min(1.0, max(value, float(centre + reach))))


def effective_items(value: float, variance: float, items: int) -> float:
    """How many items that are right or wrong give a mean of this variance; ``items`` where nothing varies."""
    spread = value * (1 - value)
    return spread / variance if spread > 0 and variance > 1e-12 * spread else float(items)


def normal_quantile(level: float) -> float:
    """How many standard errors an interval of this level reaches.

    >>> round(normal_quantile(0.95), 2)
    1.96
    """
    from scipy.stats import norm

    return float(norm.ppf((1 + level) / 2))


def t_quantile(level: float, freedom: float) -> float:
    """How many standard errors an interval of this level reaches, with an estimated error."""
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
