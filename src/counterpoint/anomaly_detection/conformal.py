r"""Conformal p-values: how often a normal item scores as high as this one, with a guarantee.

    p(x) = (1 + #{i: s_i >= s(x)}) / (n + 1),     s_i the scores of n normal items that the score was not fitted to

If x is a normal item, exchangeable with those, P(p(x) <= a) <= a for every a, whatever the score and the distribution:
an alarm at p <= a is false for at most a share a of normal items.  Bates, Candes, Lei, Romano & Sesia 2023, "Testing
for outliers with conformal p-values", arXiv:2104.08279.

Items of one group, such as the slides of a patient, are not exchangeable with those of another: n items of K groups
tell as much as K.  With n_k items in group k,

    p(x) = (1 + sum_k #{i in k: s_i >= s(x)} / n_k) / (K + 1)

has the same guarantee for an item of a new group: Lee, Barber & Willett 2023, "Distribution-free inference with
hierarchical data", arXiv:2306.06342 (an alarm is a score outside of their prediction interval).  Groups of one item
give the first formula.

The guarantee is about the mean over draws of the normal items.  With those at hand the share of false alarms is a draw
from Beta(l, n + 1 - l), l = floor(a (n + 1)) (Bates et al., section 2.1), where no two scores are equal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from counterpoint.errors import PlanError, counted, option

GroupIds = Int64[np.ndarray, " n"]

ROUNDING = 1e-9
"""Sums of shares are exact up to this."""


@dataclass(frozen=True)
class Calibration:
    """Scores of normal items that the score was not fitted to, in order, and the weight of each: 1 / n_k."""

    scores: Float64[np.ndarray, " n"]
    weights: Float64[np.ndarray, " n"]
    units: int
    """The number of groups, or of items where each is its own."""

    @classmethod
    def of(cls, scores: Float64[np.ndarray, " n"], groups: GroupIds) -> Calibration:
        """From the scores of items and the group of each."""
        _, place, count = np.unique(groups, return_inverse=True, return_counts=True)
        order = np.argsort(scores, kind="stable")
        return cls(scores[order], (1 / count)[place][order], len(count))

    def p_values(self, scores: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
        """The p-value of each score.

        >>> Calibration.of(np.asarray([1.0, 2.0, 3.0]), np.asarray([0, 1, 2])).p_values(np.asarray([0.0, 3.0, 4.0]))
        array([1.  , 0.5 , 0.25])
        """
        above = np.append(np.cumsum(self.weights[::-1])[::-1], 0)
        p: np.ndarray = (1 + above[np.searchsorted(self.scores, scores, side="left")]) / (self.units + 1)
        at_most_one: np.ndarray = np.minimum(p, 1)  # sums of shares are rounded
        return at_most_one

    def threshold(self, alarm: float) -> float:
        """Scores above this one, and no others, have a p-value of at most ``alarm``.

        Raises:
            PlanError: There are too few normal items for that.
        """
        require_alarm(alarm, self.units)
        return float(self.scores[~flagged(self.p_values(self.scores), alarm)].max())


def flagged(p: Float64[np.ndarray, " m"], alarm: float) -> Bool[np.ndarray, " m"]:
    """The p-values that are at most ``alarm``."""
    flags: Bool[np.ndarray, " m"] = p <= alarm + ROUNDING
    return flags


def require_alarm(alarm: float, units: int, *, name: str = "alarm", what: str = "item") -> None:
    """Refuse a rate that so many units of calibration cannot support: no p-value is below 1 / (units + 1).

    Raises:
        PlanError: The rate is out of range, or lower than that.
    """
    require_rate(name, alarm)
    if alarm + ROUNDING < 1 / (units + 1):
        needed = math.ceil(1 / alarm - 1 - ROUNDING)
        raise PlanError(
            f"{option(name)}={alarm:g} needs {counted(2 * needed, f'normal {what}')}, half of "
            f"them for calibration. Got {units} for calibration: give more, or {option(name)}="
            f"{math.ceil(1000 / (units + 1)) / 1000:g} or above."
            if units
            else f"{option(name)}={alarm:g} needs {2 * needed:,} normal {what}s, and there are none for calibration."
        )


def require_rate(name: str, rate: float) -> None:
    """Refuse a rate that is not between 0 and 1."""
    if not 0 < rate < 1:
        raise PlanError(f"{option(name)} is a share above 0 and below 1. Got {option(name)}={rate:g}.")


def false_alarms(alarm: float, units: int, *, level: float = 0.95) -> tuple[float, float]:
    """The interval of the share of false alarms of a calibration with so many items of distinct scores.

    >>> [round(end, 3) for end in false_alarms(0.01, 999)]
    [0.005, 0.017]
    """
    from scipy.stats import beta

    lowest = math.floor(alarm * (units + 1) + ROUNDING)
    low, high = beta.ppf([(1 - level) / 2, (1 + level) / 2], lowest, units + 1 - lowest)
    return float(low), float(high)
