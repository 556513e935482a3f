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
from jaxtyping import Bool, Float

from counterpoint.evaluation.intervals import Interval, effective_items, normal_quantile, wilson

Distances = Float[np.ndarray, " p"]
Same = Bool[np.ndarray, " p"]

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


def area(distance: Distances, same: Same, *, seed: int = 0, draws: int = 500) -> Interval:
    """The area under the ROC curve: how often a positive pair is nearer than a negative one.

    >>> area(np.asarray([1.0, 2.0, 4.0, 5.0]), np.asarray([True, True, False, False])).value
    1.0
    """
    from sklearn.metrics import roc_auc_score

    return _with_interval(lambda d, s: float(roc_auc_score(s, -d)), distance, same, seed=seed, draws=draws)


def equal_error(distance: Distances, same: Same, *, seed: int = 0, draws: int = 500) -> Interval:
    """The error at the threshold where both error rates are equal.

    >>> equal_error(np.asarray([1.0, 4.0, 2.0, 5.0]), np.asarray([True, True, False, False])).value
    0.5
    """
    from sklearn.metrics import roc_curve

    def error(d: Distances, s: Same) -> float:
        strangers, friends, _ = roc_curve(s, -d, drop_intermediate=False)
        place = int(np.argmin(np.abs(strangers - (1 - friends))))
        return float((strangers[place] + 1 - friends[place]) / 2)

    return _with_interval(error, distance, same, seed=seed, draws=draws)


def _with_interval(
    measure: Callable[[Distances, Same], float], distance: Distances, same: Same, *, seed: int, draws: int
) -> Interval:
    """A measure from 0 to 1, with the interval of a proportion of equal variance over bootstrap samples of either kind.

    Bootstrap quantiles themselves are too narrow for few pairs, and degenerate where all are correct.
    """
    generator = np.random.default_rng(seed)
    kinds = [np.flatnonzero(same), np.flatnonzero(~same)]
    result = []
    for _ in range(draws):
        rows = np.concatenate([kind[generator.integers(0, len(kind), len(kind))] for kind in kinds])
        result.append(measure(distance[rows], same[rows]))
    value = measure(distance, same)
    items = effective_items(value, float(np.var(result)), min(map(len, kinds)))
    return wilson(value, items, normal_quantile(0.95))
