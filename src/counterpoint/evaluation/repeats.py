r"""Confidence intervals of scores from several draws: variance of draws and of test items in one interval.

    a = mean_dj c_dj,   v_D = var_d(mean_j c_dj) / D,   v_J = var_j(mean_d c_dj) / m,   se^2 = v_D + v_J
    a -+ t_f se,        f = (v_D + v_J)^2 / (v_D^2 / (D - 1) + v_J^2 / (m - 1))

A draw is one of the labels, or of the initial weights.  c_dj is the score of draw d on test item j, or the difference
of two models' scores on the same draw and item.  Draws and items are random effects, and the degrees of freedom of the
sum of their variances are Satterthwaite's: 1946, "An approximate distribution of estimates of variance components",
Biometrics Bulletin 2.  So few draws widen the interval only as far as draws differ.  The two variances each contain
part of the noise of single cells, so the interval is rather too wide than too narrow: Owen 2007, "The pigeonhole
bootstrap", arXiv:0712.1111, section 3.  Near 0 and 1 it is corrected as in ``intervals``.

Two or three draws hardly show how much draws differ.  Where several models were drawn equally often, ``pooled``
estimates it from all of them, as in an analysis of variance: in a table of many comparisons that keeps the error rate.

A single draw shows the variance of test items only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Shaped

from counterpoint.evaluation.group_variance import GroupIds, Variance, variance_over_groups
from counterpoint.evaluation.intervals import (
    Interval,
    around,
    difference_interval,
    effective_items,
    score_interval,
    t_quantile,
    wilson,
    with_two_more,
    with_two_more_groups,
)

Cells = Shaped[np.ndarray, "draws m"]

ONE_DRAW = "One draw: the intervals know the luck of the test items only, not that of draws."


def score_over_draws(correct: Cells, *, level: float = 0.95, groups: GroupIds | None = None) -> Interval:
    """The mean of all cells, from 0 to 1, with its interval; ``groups`` are those of the items.

    >>> value, low, high = score_over_draws(np.asarray([[1, 1, 0, 1], [1, 0, 1, 1], [1, 1, 1, 1]]))
    >>> round(value, 2), low < value < high
    (0.83, True)
    """
    if len(correct) == 1:
        return score_interval(correct[0], level=level, groups=groups)
    cells = np.asarray(correct, dtype=np.float64)
    value = float(cells.mean())
    if one_group(groups):
        return Interval(value, 0.0, 1.0)
    variance, freedom = mean_variance(cells, groups=groups)
    return wilson(value, effective_items(value, variance, cells.shape[1]), t_quantile(level, freedom))


def difference_over_draws(
    differences: Cells, *, level: float = 0.95, luck: Variance | None = None, groups: GroupIds | None = None
) -> Interval:
    """The mean of all cells, from -1 to 1, with its interval; ``luck`` is an estimate of v_D from elsewhere."""
    if len(differences) == 1 and luck is None:
        return difference_interval(differences[0], level=level, groups=groups)
    cells = np.asarray(differences, dtype=np.float64)
    if one_group(groups):
        return Interval(float(cells.mean()), -1.0, 1.0)
    more = with_two_more(cells)
    variance, freedom = mean_variance(more, luck, groups=None if groups is None else with_two_more_groups(groups))
    return around(float(cells.mean()), float(more.mean()), t_quantile(level, freedom) * float(np.sqrt(variance)))


def pooled(cells: Sequence[Cells]) -> Variance | None:
    """v_D of one model, estimated from all of them together; None for one draw.

    >>> pooled([np.asarray([[0, 1], [1, 1]]), np.asarray([[0, 0], [1, 0]])])
    Variance(value=0.0625, freedom=2)
    """
    draws = len(cells[0])
    if draws < 2:
        return None
    each = [np.asarray(cell, dtype=np.float64).mean(axis=1).var(ddof=1) for cell in cells]
    return Variance(float(np.mean(each)) / draws, len(each) * (draws - 1))


def pooled_difference(cells: Sequence[Cells]) -> Variance | None:
    """v_D of the difference of any two models with the same draws, estimated from all of them; None for one draw.

    An effect of a draw on all of them is not part of it: the interaction of a two-way analysis of variance.
    """
    means = np.asarray([np.mean(residuals, axis=1) for residuals in cells], dtype=np.float64)
    models, draws = means.shape
    if draws < 2:
        return None
    residuals = means - means.mean(axis=0) - means.mean(axis=1, keepdims=True) + means.mean()
    freedom = (models - 1) * (draws - 1)
    return Variance(2 * float(np.square(residuals).sum()) / freedom / draws, freedom)


def one_group(groups: GroupIds | None) -> bool:
    """Whether all items are in one group, so that the variance between groups is unknown."""
    return groups is not None and len(np.unique(groups)) == 1


def mean_variance(
    cells: Float64[np.ndarray, "draws m"], luck: Variance | None = None, *, groups: GroupIds | None = None
) -> Variance:
    """The variance of the mean of cells; v_D is ``luck``, or estimated from at least two draws."""
    draws, items = cells.shape
    of_draws = luck or Variance(float(cells.mean(axis=1).var(ddof=1)) / draws, draws - 1)
    if groups is not None:
        return total(of_draws, variance_over_groups(cells.mean(axis=0), groups))
    of_items = Variance(float(cells.mean(axis=0).var(ddof=1)) / items if items > 1 else 0.0, items - 1)
    return total(of_draws, of_items)


def total(*parts: Variance) -> Variance:
    """The sum of variances, with Satterthwaite's degrees of freedom.

    >>> total(Variance(1.0, 4), Variance(1.0, 4)), total(Variance(0.0, 99), Variance(2.0, 1))
    (Variance(value=2.0, freedom=8.0), Variance(value=2.0, freedom=1.0))
    """
    value = sum(part.value for part in parts)
    if value == 0:
        return Variance(0.0, max(part.freedom for part in parts))
    return Variance(value, value**2 / sum(part.value**2 / part.freedom for part in parts if part.value > 0))
