"""Which normal items a score is fitted to, and which calibrate it: the same for the model and for every baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int64

from counterpoint.anomaly_detection.conformal import Calibration, halves
from counterpoint.anomaly_detection.scorer import Scorer, fitted, out_of_fold

GroupIds = Int64[np.ndarray, " _"]


class Scored(NamedTuple):
    """The score of every tested item, and the calibration by normal items, None without those."""

    scores: Float64[np.ndarray, " m"]
    calibration: Calibration | None


@dataclass(frozen=True)
class Design:
    """How scores are fitted: to half of the normal items, by group; without any, to the tested ones, out of fold."""

    tested: GroupIds
    """The group of every tested item; a number of its own for each without groups."""
    normal: GroupIds | None
    """The same of the normal items, None where there are none."""
    seed: int

    def parts(self) -> tuple[Int64[np.ndarray, " a"], Int64[np.ndarray, " b"]]:
        """The rows of normal items to fit to, and those to calibrate with."""
        return halves(np.empty(0, dtype=np.int64) if self.normal is None else self.normal, seed=self.seed)

    def units(self) -> int:
        """The groups that calibrate."""
        return 0 if self.normal is None else len(np.unique(self.normal[self.parts()[1]]))

    def scored(
        self, scorer: Scorer, tested: Float32[np.ndarray, "m d"], normal: Float32[np.ndarray, "n d"] | None
    ) -> Scored:
        """The scores of a scorer in one representation.

        Raises:
            InputError: There are too few items to fit it to.
        """
        if self.normal is None or normal is None:
            return Scored(out_of_fold(scorer, tested, self.tested, seed=self.seed), None)
        fitting, calibrating = self.parts()
        score = fitted(scorer, normal[fitting])
        return Scored(score(tested), Calibration.of(score(normal[calibrating]), self.normal[calibrating]))


def groups_or_items(groups: GroupIds | None, count: int) -> GroupIds:
    """The given groups, or a group for each item.

    >>> groups_or_items(None, 3).tolist()
    [0, 1, 2]
    """
    return np.arange(count) if groups is None else groups
