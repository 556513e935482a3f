"""The choices of the verbs that train many plans: ``compare`` and ``tune``."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoint.plans.choices import Choices, choice


@dataclass(frozen=True, kw_only=True)
class ComparePlan(Choices):
    """What a comparison takes besides the choices of its runs.

    >>> ComparePlan(seeds=5).seeds
    5
    """

    seeds: int = choice(3, "Runs per method, with the plan's seed and those that follow it.", low=1)


@dataclass(frozen=True, kw_only=True)
class TunePlan(Choices):
    """What a search takes besides the choices that are the same for all its plans.

    >>> TunePlan(trials=10).repeats is None
    True
    """

    trials: int | None = choice(None, "The largest number of plans; None for 20 where epochs are given.", low=1)
    repeats: int | None = choice(None, "Further seeds for the best and the default plan; None for 2.", low=0)
