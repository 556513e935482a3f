"""The choices of the verb ``anomalies``."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoint.plans.choices import LARGEST_SEED, Choices, choice


@dataclass(frozen=True, kw_only=True)
class AnomalyPlan(Choices):
    """Every choice of a search for anomalies.

    >>> AnomalyPlan(alarm=0.05).scorer
    'mahalanobis'
    """

    scorer: str = choice(
        "mahalanobis", "How an item is scored: counterpoint list scorers, with options such as knn(k=5, bank=0.1)."
    )
    alarm: float | None = choice(
        None, "The highest probability of an alarm for a normal item; 0.01 when left out.", low=0, high=1
    )
    fdr: float | None = choice(
        None, "Also flag items so that at most this share of those flagged is expected to be normal.", low=0, high=1
    )
    normal_label: str | None = choice(
        None, "The label of normal items; good, normal, ok, 0, false or no when left out. All others are anomalies."
    )
    explain: int = choice(
        0, "For so many of the most anomalous items, the parts that make them unlike normal ones.", low=0, high=100
    )
    seed: int = choice(0, "Random seed of the halves, the folds, the masks and the draws.", low=0, high=LARGEST_SEED)
