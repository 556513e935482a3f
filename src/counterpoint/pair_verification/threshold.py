r"""Same or different: a threshold for the distance of two items, and a calibrated probability.

    same      if D <= T,                T: the most accurate for the pairs that it is chosen on
    p(same) = 1 / (1 + e^{a (D - T)}),  a: most likely for those pairs, with Platt's smoothed targets

Platt 1999, "Probabilistic outputs for support vector machines", section 2.2, here centred at T, so that a prediction
and its probability never contradict each other.  Half of the pairs are of each kind, and so is the prior of the
probability.  The equal error rate is where the rates of false acceptances and of false rejections are equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64

from counterpoint.evaluation.intervals import (
    Interval,
    effective_items,
    normal_quantile,
    score_interval,
    t_quantile,
    wilson,
)
from counterpoint.pair_verification.pair_groups import PairGroups, bootstrap_weights

Distances = Float[np.ndarray, " p"]
Same = Bool[np.ndarray, " p"]
Weights = Float64[np.ndarray, "draws p"]
Values = Float64[np.ndarray, " draws"]

DRAWS, CELLS = 500, 2**20
"""Bootstrap samples, and the most weights that are held at once."""

STEEPEST = 60.0
"""The largest steepness, in units of the threshold: beyond it makes no difference."""


@dataclass(frozen=True)
class Threshold:
    """The threshold between same and different, and the steepness of the probability."""

    distance: float
    steepness: float

    def same(self, distance: Distances) -> Same:
        """Whether each pair is predicted to be the same."""
        near: np.ndarray = distance <= self.distance
        return near

    def probability(self, distance: Distances) -> Distances:
        """The probability that each pair is the same, with a prior of one half."""
        exponent = np.clip(self.steepness * (distance - self.distance), -500, 500)
        return np.asarray(1 / (1 + np.exp(exponent)))


def best_threshold(distance: Distances, same: Same) -> Threshold:
    """The most accurate threshold, between two distances that occur.

    >>> best_threshold(np.asarray([1.0, 2.0, 4.0, 5.0]), np.asarray([True, True, False, False])).distance
    3.0
    """
    order = np.argsort(distance, kind="stable")
    near, hit = distance[order], same[order]
    gain = np.concatenate([[0], np.cumsum(np.where(hit, 1, -1))])  # correct ones gained over a threshold below all
    between = np.concatenate([[near[0] / 2], (near[1:] + near[:-1]) / 2, [near[-1] * 1.5]])
    usable = np.concatenate([[True], near[1:] > near[:-1], [True]])
    best = int(np.argmax(np.where(usable, gain, -np.inf)))
    middle = float(between[best])
    return Threshold(middle, _steepness(distance, same, middle))


def _steepness(distance: Distances, same: Same, middle: float) -> float:
    """The maximum-likelihood steepness, with smoothed targets."""
    from scipy.optimize import minimize_scalar

    count, other = int(same.sum()), int((~same).sum())
    target = np.where(same, (count + 1) / (count + 2), 1 / (other + 2))
    unit = middle or 1.0

    def surprise(log_steepness: float) -> float:
        score = -np.exp(log_steepness) / unit * (distance - middle)
        return float((np.logaddexp(0, score) - target * score).sum())

    result = minimize_scalar(surprise, bounds=(np.log(0.1), np.log(STEEPEST)), method="bounded")
    return float(np.exp(result.x) / unit)


def accuracy(
    correct: Bool[np.ndarray, " p"], same: Same, *, groups: PairGroups | None = None, seed: int = 0
) -> Interval:
    """The share of pairs that are classified correctly."""
    if groups is None:
        return score_interval(correct)
    return _with_interval(lambda weights: weights @ correct / weights.sum(axis=1), same, groups, seed=seed)


def area(
    distance: Distances, same: Same, *, groups: PairGroups | None = None, seed: int = 0, draws: int = DRAWS
) -> Interval:
    """The area under the ROC curve: how often a positive pair is nearer than a negative one.

    >>> area(np.asarray([1.0, 2.0, 4.0, 5.0]), np.asarray([True, True, False, False])).value
    1.0
    """

    def under(weights: Weights) -> Values:
        accepted_strangers, accepted_friends = roc(distance, same, weights)
        heights = (accepted_friends[:, 1:] + accepted_friends[:, :-1]) / 2
        return np.asarray((np.diff(accepted_strangers) * heights).sum(axis=1))

    return _with_interval(under, same, groups, seed=seed, draws=draws)


def equal_error(
    distance: Distances, same: Same, *, groups: PairGroups | None = None, seed: int = 0, draws: int = DRAWS
) -> Interval:
    """The error at the threshold where both error rates are equal.

    >>> equal_error(np.asarray([1.0, 4.0, 2.0, 5.0]), np.asarray([True, True, False, False])).value
    0.5
    """

    def error(weights: Weights) -> Values:
        accepted_strangers, accepted_friends = roc(distance, same, weights)
        rejected_friends = 1 - accepted_friends
        place = np.abs(accepted_strangers - rejected_friends).argmin(axis=1)[:, None]
        ends = [np.take_along_axis(each, place, axis=1)[:, 0] for each in (accepted_strangers, rejected_friends)]
        return np.asarray((ends[0] + ends[1]) / 2)

    return _with_interval(error, same, groups, seed=seed, draws=draws)


def roc(
    distance: Distances, same: Same, weights: Weights
) -> tuple[Float64[np.ndarray, "draws k"], Float64[np.ndarray, "draws k"]]:
    """The ROC curves of weighted pairs: the shares of negative and of positive pairs within each distance, from 0 to 1.

    As ``sklearn.metrics.roc_curve`` for many weights at once, a hundred times as fast.
    """
    order = np.argsort(distance, kind="stable")
    last = np.append(np.diff(distance[order]) > 0, True)  # of pairs at one distance
    curves = []
    for kind in (~same, same):
        within = np.cumsum(weights[:, order] * kind[order], axis=1)[:, last]
        curves.append(np.pad(within / within[:, -1:], ((0, 0), (1, 0))))
    return curves[0], curves[1]


def _with_interval(
    measure: Callable[[Weights], Values], same: Same, groups: PairGroups | None, *, seed: int, draws: int = DRAWS
) -> Interval:
    """A measure from 0 to 1, with the interval of a proportion of equal variance over bootstrap samples.

    Bootstrap quantiles themselves are too narrow for few pairs, and degenerate where all are correct. Where nothing
    varies, every two groups count as one pair.
    """
    value, generator = float(measure(np.ones((1, len(same))))[0]), np.random.default_rng(seed)
    measured, step = [], max(1, CELLS // len(same))
    for start in range(0, draws, step):
        weights = np.stack([bootstrap_weights(same, groups, generator) for _ in range(min(step, draws - start))])
        measured.append(measure(weights[(weights @ same > 0) & (weights @ ~same > 0)]))
    variance = float(np.var(np.concatenate(measured)))
    if groups is None:
        items = effective_items(value, variance, int(min(same.sum(), (~same).sum())))
        return wilson(value, items, normal_quantile(0.95))
    count = int(groups.max()) + 1
    items = min(effective_items(value, variance, count // 2), len(same))
    return wilson(value, items, t_quantile(0.95, count - 1))
