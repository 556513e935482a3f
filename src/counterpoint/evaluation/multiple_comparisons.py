r"""Multiple comparisons in one table: the level at which all their intervals hold simultaneously.

    level = P(|g_1| <= c),     P(max_k |g_k| <= c) = 0.95,     g ~ N(0, R)

R is the correlation of the comparisons over the test items.  Of twenty tables with three baselines and no difference,
three to five would claim one with separate intervals.  The maximum is taken over all comparisons: Hothorn, Bretz &
Westfall 2008, "Simultaneous inference in general parametric models", Biometrical Journal 50.  Comparisons on the same
items are correlated, so this costs less than Bonferroni's correction; never more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Shaped

from counterpoint.evaluation.group_variance import GroupIds, group_sums

DRAWS = 20_000
"""Draws of the maximum: its 95 % quantile is then known to about 0.02."""


def familywise_level(
    differences: Sequence[Shaped[np.ndarray, " m"]], *, level: float = 0.95, groups: GroupIds | None = None
) -> float:
    """The level of each interval, for comparisons given as differences per item; over ``groups`` of items.

    >>> x = np.arange(4.0)
    >>> familywise_level([x]), familywise_level([x, x]), round(familywise_level([x, x**0]), 4)
    (0.95, 0.95, 0.975)
    """
    if len(differences) < 2:
        return level
    from scipy.stats import norm

    strengths, directions = np.linalg.eigh(_correlation(np.asarray(differences, dtype=np.float64), groups))
    root = directions * np.sqrt(np.maximum(strengths, 0))
    g = np.random.default_rng(0).standard_normal((DRAWS, len(root))) @ root.T
    reach = np.quantile(np.abs(g).max(axis=1), level)
    return float(np.clip(2 * norm.cdf(reach) - 1, level, 1 - (1 - level) / len(differences)))


def _correlation(differences: Float64[np.ndarray, "k m"], groups: GroupIds | None) -> Float64[np.ndarray, "k k"]:
    """The correlation of rows; a constant row is uncorrelated with all others."""
    centred = differences - differences.mean(axis=1, keepdims=True)
    if groups is not None:
        centred = group_sums(centred, groups)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = centred / np.where(length > 0, length, 1)
    correlation: np.ndarray = unit @ unit.T
    np.fill_diagonal(correlation, 1)
    return correlation
