"""The choices of the verb ``audit``."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoint.plans.choices import LARGEST_SEED, Choices, choice


@dataclass(frozen=True, kw_only=True)
class AuditPlan(Choices):
    """Every choice of an audit.

    >>> AuditPlan(minutes=2).seed
    0
    """

    minutes: float = choice(5.0, "Training time, without a run.", low=0.01)
    seed: int = choice(0, "Random seed of the training, the folds and the draws.", low=0, high=LARGEST_SEED)
