"""Which normal items a score is fitted to, and which calibrate it: the same for the model and for every baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int64

from counterpoint.anomaly_detection.conformal import Calibration
from counterpoint.anomaly_detection.scorer import Scorer, fitted, out_of_fold
from counterpoint.anomaly_detection.units import Units


class Scored(NamedTuple):
    """The score of every tested item, and the calibration by normal items, None without those."""

    scores: Float64[np.ndarray, " m"]
    calibration: Calibration | None


@dataclass(frozen=True)
class Design:
    """How scores are fitted: to half of the normal items; without any, to the tested ones, out of fold."""

    tested: Units
    normal: Units | None
    """The normal items, None where there are none."""
    seed: int

    def parts(self) -> tuple[Int64[np.ndarray, " a"], Int64[np.ndarray, " b"]]:
        """The rows of normal items to fit to, and those to calibrate with."""
        if self.normal is None:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        return self.normal.halves(seed=self.seed)

    def units(self) -> int:
        """The groups that calibrate."""
        return 0 if self.normal is None else len(np.unique(self.normal.groups[self.parts()[1]]))

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
        known = self.normal.averaged(score(normal[calibrating]), calibrating)
        return Scored(self.tested.averaged(score(tested)), Calibration.of(known, self.normal.groups[calibrating]))
