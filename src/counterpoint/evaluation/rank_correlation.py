r"""Spearman's rank correlation of two quantities, with a bootstrap interval.

    rho = correlation of the ranks of x and y;  draw n of the n items with replacement, correlate, repeat

Spearman 1904, "The proof and measurement of association between two things".  The middle 95 % of the draws are the
interval (Efron & Tibshirani 1993, chapter 13); for ten items it is wide.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from counterpoint.evaluation.intervals import Interval

FEWEST = 4
"""The fewest items for a correlation."""


def rank_correlation(
    x: Float64[np.ndarray, " n"], y: Float64[np.ndarray, " n"], *, seed: int = 0, draws: int = 2000
) -> Interval | None:
    """From -1 for opposite orders to 1 for the same, with its interval; None for fewer than four, or for constants.

    >>> x = np.arange(20.0)
    >>> rank_correlation(x, x**3), rank_correlation(x[:3], x[:3]), rank_correlation(x, 0 * x)
    (Interval(value=1.0, low=1.0, high=1.0), None, None)
    """
    if len(x) < FEWEST or len(set(x.tolist())) == 1 or len(set(y.tolist())) == 1:
        return None
    rows = np.random.default_rng(seed).integers(0, len(x), (draws, len(x)))
    low, high = np.nanquantile(_correlated(x[rows], y[rows]), [0.025, 0.975])
    return Interval(float(_correlated(x[None], y[None])[0]), float(low), float(high))


def _correlated(x: Float64[np.ndarray, "r n"], y: Float64[np.ndarray, "r n"]) -> Float64[np.ndarray, " r"]:
    """The correlation of the ranks in each row, with shared ranks for ties. NaN where all are equal."""
    from scipy.stats import rankdata

    a, b = (rankdata(each, axis=1) - (each.shape[1] + 1) / 2 for each in (x, y))
    size = np.sqrt(np.square(a).sum(axis=1) * np.square(b).sum(axis=1))
    result: np.ndarray = np.where(size > 0, (a * b).sum(axis=1) / np.maximum(size, 1e-12), np.nan).round(12)
    return result
