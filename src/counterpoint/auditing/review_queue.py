r"""The review queue: all items that may have an issue, the most probable first, with the reasons.

    P_i = 1 - prod_r (1 - P_ir)

P_ir is the probability of an issue of item i by check r; checks are combined as if independent, by the noisy-or of
Pearl 1988, "Probabilistic reasoning in intelligent systems", section 4.3.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

LEAST = 0.02
"""The smallest probability of an entry."""


@dataclass(frozen=True)
class Reason:
    """Why an item is in the queue: the check, the probability by it, and a sentence."""

    check: str
    probability: float
    detail: str
    partner: int | None = None
    """The row of the other item, of a near-duplicate or a leak."""


@dataclass(frozen=True)
class Entry:
    """An item to review: name, row, probability of an issue, and reasons, the most probable first."""

    item: str
    index: int
    probability: float
    reasons: Sequence[Reason]

    @property
    def why(self) -> str:
        """The reasons in one line."""
        return "; ".join(each.detail for each in self.reasons)


def review_queue(reasons: Iterable[tuple[int, Reason]], names: Sequence[str]) -> list[Entry]:
    """The items with reasons, the most probable issue first; only the most probable reason of each check counts.

    Items of equal probability keep the order of their reasons, in which each check ranks them.

    >>> weak, strong = Reason("outlier", 0.5, "far away"), Reason("label", 0.5, "predicted shoe")
    >>> [(entry.item, entry.probability) for entry in review_queue([(1, weak), (1, strong), (0, weak)], "ab")]
    [('b', 0.75), ('a', 0.5)]
    """
    strongest: dict[int, dict[str, Reason]] = {}
    for row, reason in reasons:
        if reason.probability >= LEAST:
            by_check = strongest.setdefault(row, {})
            by_check[reason.check] = max(by_check.get(reason.check, reason), reason, key=_probability)
    entries = [
        Entry(names[row], row, combined(list(map(_probability, ranked))), ranked)
        for row, by_check in strongest.items()
        for ranked in [sorted(by_check.values(), key=_probability, reverse=True)]
    ]
    return sorted(entries, key=lambda entry: -entry.probability)


def combined(probabilities: Sequence[float]) -> float:
    """The probability of at least one of several independent issues."""
    return round(float(1 - np.prod(1 - np.asarray(probabilities, dtype=np.float64))), 6)


def probabilities(entries: Sequence[Entry]) -> Float[np.ndarray, " q"]:
    """The probabilities of a queue, in its order."""
    return np.asarray([entry.probability for entry in entries], dtype=np.float64)


def _probability(reason: Reason) -> float:
    return reason.probability
