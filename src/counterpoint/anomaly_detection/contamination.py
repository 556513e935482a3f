r"""Anomalies among the normal items: their estimated share, and which they are.

    share = 1/n sum_i P_i,     P_i = the probability that item i is an anomaly, from its out-of-fold score s_i

P is one less the local false discovery rate of ``auditing.outliers``: the bulk of the scores, of log s where all are
positive, gives the tail up to the ninth decile, and what lies beyond it are anomalies.  No estimate from unlabelled
items can do without such an assumption.  It counts natural extremes too, and it misses anomalies that score like normal
items, or that are so many that they widen the tail: of clean classes of images and tables 1 to 4 % were estimated, and
the same with 5 % of other classes.  So a low estimate does not show that there are none.

Without anomalies the share of n items is below 1 / sqrt(n) in about 95 % of draws, and for more than 1,000 items below
2 to 3 %: simulated with normal and log-normal scores, and with those of the assumed tail.

Anomalies among the normal items do not break the guarantee of p-values, since they only raise them; they cost alarms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from counterpoint.anomaly_detection.scorer import FEWEST, Scorer, out_of_fold
from counterpoint.anomaly_detection.units import Units
from counterpoint.auditing.outliers import outlier_probability
from counterpoint.errors import counted

SOME = 20
"""The fewest items for an estimate."""

LEAST = 0.02
"""The least share that a warning is given for."""

PROBABLE = 0.5
"""The probability from which an item is named."""


@dataclass(frozen=True)
class Contamination:
    """The estimated share of anomalies among some items, None where they are too few, and the rows that look so."""

    share: float | None
    rows: Int64[np.ndarray, " k"]
    """The rows with a probability of at least one half, the most probable first."""
    probability: Float64[np.ndarray, " n"]
    """P of every item."""

    @property
    def noise(self) -> float:
        """The share that may be estimated where there is no anomaly."""
        return max(LEAST, 1 / math.sqrt(max(1, len(self.probability))))

    def record(self) -> dict[str, float] | None:
        """``share`` and ``noise``; None where unknown."""
        return None if self.share is None else {"share": self.share, "noise": self.noise}

    def warning(self) -> str | None:
        """A sentence where the share is noticeably above zero."""
        if self.share is None or self.share <= self.noise:
            return None
        named = (
            f", {counted(len(self.rows), 'of them is', 'of them are')} named in the record" if len(self.rows) else ""
        )
        return (
            f"About {self.share:.1%} of the normal items look like anomalies{named}. Leave out those that are: they "
            "hide others like them."
        )


def contamination(scores: Float64[np.ndarray, " n"]) -> Contamination:
    """The estimate from out-of-fold scores."""
    if len(scores) < SOME:
        return Contamination(None, np.empty(0, dtype=np.int64), np.zeros(len(scores)))
    probability = outlier_probability(np.log(scores) if (scores > 0).all() else scores)
    order = np.argsort(-probability, kind="stable")
    return Contamination(float(probability.mean()), order[probability[order] >= PROBABLE], probability)


def of_normal(scorer: Scorer, vectors: np.ndarray, units: Units, *, seed: int) -> Contamination:
    """The estimate for normal items; unknown where they are too few, or of one group."""
    if len(vectors) < SOME or len(np.unique(units.groups)) < FEWEST:
        return contamination(np.empty(0))
    return contamination(out_of_fold(scorer, vectors, units, seed=seed))
