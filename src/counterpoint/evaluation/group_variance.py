r"""The variance of a mean over grouped items, such as the slides of a patient: groups are the independent units.

    v = G / (G - 1)  sum_g (sum_{j in g} (x_j - mean))^2 / m^2,       G - 1 degrees of freedom

Cameron & Miller 2015, "A practitioner's guide to cluster-robust inference", Journal of Human Resources 50, section II.
Its ratio to the variance of as many independent items is the design effect, and m divided by that is the number of
independent items with the same variance: Kish 1965, "Survey sampling", section 5.4; Cochran 1977, "Sampling
techniques", section 9.  By chance few groups may differ less than items do; the design effect is at least 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64, Shaped

GroupIds = Int64[np.ndarray, " _"]
"""The id of each item's group."""


class Variance(NamedTuple):
    """An estimate of the variance of a mean, and its degrees of freedom."""

    value: float
    freedom: float


def group_sums(values: Shaped[np.ndarray, "*k m"], group_ids: GroupIds) -> Float64[np.ndarray, "*k g"]:
    """The sums of values over every group.

    >>> group_sums(np.asarray([1.0, 2.0, 4.0]), np.asarray([7, 7, 9])).tolist()
    [3.0, 4.0]
    """
    order = np.argsort(group_ids, kind="stable")
    starts = np.unique(group_ids[order], return_index=True)[1]
    sums: np.ndarray = np.add.reduceat(np.asarray(values, dtype=np.float64)[..., order], starts, axis=-1)
    return sums


def variance_over_groups(values: Float64[np.ndarray, " m"], group_ids: GroupIds) -> Variance:
    """The variance of the mean of values, unknown for a single group: then there are no degrees of freedom.

    >>> variance_over_groups(np.asarray([1.0, 1.0, 0.0, 0.0]), np.asarray([0, 0, 1, 1]))
    Variance(value=0.25, freedom=1)
    """
    items = len(values)
    sums = group_sums(values - values.mean(), group_ids)
    groups = len(sums)
    if groups < 2:
        return Variance(float("inf"), 0)
    unrelated = float(values.var(ddof=1)) / items
    return Variance(max(unrelated, float(groups / (groups - 1) * np.square(sums).sum() / items**2)), groups - 1)
