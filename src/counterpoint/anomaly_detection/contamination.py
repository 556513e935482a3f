r"""Anomalies among the normal items: their estimated share, and which they are.

    share = 1/n sum_i P_i,     P_i = the probability that item i is an anomaly, from its out-of-fold score

P is one less the local false discovery rate of ``auditing.outliers``: the bulk of the scores up to the ninth decile
gives the tail that normal items would have, and what lies beyond it are anomalies.  No estimate can do without such an
assumption.  Anomalies that score like normal items are not counted, and many of them widen the tail: a low estimate
does not show that there are none.

Anomalies among the normal items do not break the guarantee of p-values, since they only raise them; they cost alarms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from counterpoint.anomaly_detection.scorer import FEWEST, Scorer, out_of_fold
from counterpoint.auditing.outliers import outlier_probability
from counterpoint.errors import counted

SOME = 20
"""The fewest items for an estimate."""

NOTICED = 0.03
"""The share from which a warning is given: up to 2 % are estimated where there is none."""

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

    def warning(self) -> str | None:
        """A sentence where the share is noticeably above zero."""
        if self.share is None or self.share < NOTICED:
            return None
        named = f"; {counted(len(self.rows), 'item is', 'items are')} named in the record" if len(self.rows) else ""
        return (
            f"About {self.share:.1%} of the normal items look like anomalies{named}. Leave out those that are: they "
            "hide others like them."
        )


def contamination(scores: Float64[np.ndarray, " n"]) -> Contamination:
    """The estimate from out-of-fold scores."""
    if len(scores) < SOME:
        return Contamination(None, np.empty(0, dtype=np.int64), np.zeros(len(scores)))
    probability = outlier_probability(scores)
    order = np.argsort(-probability, kind="stable")
    return Contamination(float(probability.mean()), order[probability[order] >= PROBABLE], probability)


def of_normal(scorer: Scorer, vectors: np.ndarray, groups: Int64[np.ndarray, " n"], *, seed: int) -> Contamination:
    """The estimate for normal items; unknown where they are too few, or of one group."""
    if len(vectors) < SOME or len(np.unique(groups)) < FEWEST:
        return contamination(np.empty(0))
    return contamination(out_of_fold(scorer, vectors, groups, seed=seed))
