r"""The probability that a pair is a copy, from its closeness.

    f(s) = p f1(s) + (1 - p) f0(s),     P(copy | s) = p f1(s) / f(s),     s > u
    f0(s) = exp(-(s - u) / b) / b
    f1 = a kernel density of the closeness of planted copies, or where there are none a uniform density

s is the closeness of an item to its nearest neighbour, u the median of that.  The closest pairs of many items that are
not copies have an exponential tail, whose b is one over the intrinsic dimension where s is a log distance (Amsaleg et
al. 2015, "Estimating local intrinsic dimensionality").  p and b are estimated by expectation maximisation:

    p = mean_i P_i,     b = sum_i (1 - P_i) (s_i - u) / sum_i (1 - P_i)

One copy in five is taken to be changed less than the planted ones, by a factor v ~ Uniform(0, 1), to which its distance
to the original is proportional, so that -log v is added to the closeness.  So copies may be closer than planted ones.

Fellegi & Sunter 1969, "A theory for record linkage", with f1 from planted copies; the mixture is the two-groups
model of Efron 2004, "Large-scale simultaneous hypothesis testing".  P never falls as s grows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

POINTS = 512
"""Points at which the densities are computed; between them they are interpolated."""

ROUNDS = 200

MILDER, CHANGES = 0.2, -np.log((np.arange(8) + 0.5) / 8)
"""Share of copies that are changed less than the planted ones, and equally probable values of -log v."""

WIDTHS = 40.0
"""Widths of the tail beyond which all pairs are equally close: e^40 is more than the number of pairs."""


def copy_probability(
    nearest: Float[np.ndarray, " n"], planted: Float[np.ndarray, " m"] | None
) -> Callable[[Float[np.ndarray, " q"]], Float[np.ndarray, " q"]]:
    """From the closeness of items to their nearest, and of planted copies to their originals, to probabilities."""
    median = float(np.median(nearest))
    above = nearest[nearest > median] - median
    if not len(above):
        return lambda s: np.zeros(len(s))
    most = max(float(above.max()), 1e-6, 0.0 if planted is None else float(planted.max()) - median)
    grid = np.linspace(0, most, POINTS)
    f1 = _uniform(grid) if planted is None else _of_copies(planted - median, grid)
    share, width = _fitted(above, np.interp(above, grid, f1))
    copy, other = share * f1, (1 - share) * np.exp(-np.minimum(grid / width, WIDTHS)) / width
    probability = np.maximum.accumulate(copy / (copy + other))
    return lambda s: np.interp(s - median, grid, probability)


def _fitted(above: Float[np.ndarray, " n"], f1: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """The share of copies above the median, and the width of the tail of the others."""
    share, width = 0.1, float(np.median(above) / np.log(2))
    for _ in range(ROUNDS):
        other = (1 - share) * np.exp(-np.minimum(above / width, WIDTHS)) / width
        copy = share * f1 / (share * f1 + other)
        share = float(np.clip(copy.mean(), 1e-9, 1 - 1e-9))
        width = max(float(((1 - copy) * above).sum() / max((1 - copy).sum(), 1e-9)), 1e-6)
    return share, width


def _of_copies(planted: Float[np.ndarray, " m"], grid: Float[np.ndarray, " g"]) -> Float[np.ndarray, " g"]:
    """The density of the closeness of copies at each point."""
    milder = np.add.outer(planted, CHANGES).reshape(-1)
    return (1 - MILDER) * _density(planted, grid) + MILDER * _density(milder, grid)


def _density(planted: Float[np.ndarray, " m"], grid: Float[np.ndarray, " g"]) -> Float[np.ndarray, " g"]:
    """The density at each point: a Gaussian kernel of Silverman's width, 1986, eq. 3.31."""
    quarter, three = np.quantile(planted, [0.25, 0.75])
    spread = min(float(planted.std()), float(three - quarter) / 1.34) or float(planted.std())
    width = max(0.9 * spread * len(planted) ** -0.2, float(grid[-1]) / POINTS)
    places, counts = np.unique(planted.round(3), return_counts=True)
    kernel = np.exp(-0.5 * ((grid[:, None] - places) / width) ** 2) @ counts
    density: Float[np.ndarray, " g"] = kernel / (len(planted) * width * np.sqrt(2 * np.pi)) + 1e-12
    return density


def _uniform(grid: Float[np.ndarray, " g"]) -> Float[np.ndarray, " g"]:
    return np.full(len(grid), 1 / grid[-1])
