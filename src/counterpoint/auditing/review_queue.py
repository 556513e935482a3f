r"""One queue of all items that may have an issue, the most probable first, with the reasons.

    P_i = 1 - prod_r (1 - P_ir)

P_ir is the probability of an issue of item i by check r, so all checks are on one scale (the noisy-or of Pearl 1988,
"Probabilistic reasoning in intelligent systems", section 4.3.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

LEAST = 0.02
"""The smallest probability that is worth a place in the queue."""


@dataclass(frozen=True)
class Reason:
    """Why an item is in the queue: the check, the probability by it, and a sentence."""

    check: str
    probability: float
    detail: str
    partner: int | None = None
    """The row of the item that it is a copy of."""


@dataclass(frozen=True)
class Entry:
    """An item to review: name, row, probability of an issue, reasons, the strongest first."""

    item: str
    index: int
    probability: float
    reasons: Sequence[Reason]


def review_queue(reasons: Iterable[tuple[int, Reason]], names: Sequence[str]) -> list[Entry]:
    """The items with reasons, the most probable issue first; of one check the strongest reason counts.

    >>> weak, strong = Reason("outlier", 0.5, "far from all"), Reason("label", 0.5, "rather a shoe")
    >>> [(entry.item, entry.probability) for entry in review_queue([(1, weak), (1, strong), (0, weak)], "ab")]
    [('b', 0.75), ('a', 0.5)]
    """
    held: dict[int, dict[str, Reason]] = {}
    for row, reason in reasons:
        of = held.setdefault(row, {})
        if reason.probability >= LEAST and reason.probability > getattr(of.get(reason.check), "probability", 0.0):
            of[reason.check] = reason
    entries = [
        Entry(names[row], row, combined([each.probability for each in of.values()]), _strongest_first(of.values()))
        for row, of in held.items()
        if of
    ]
    return sorted(entries, key=lambda entry: (-entry.probability, entry.index))


def combined(probabilities: Sequence[float]) -> float:
    """The probability that at least one holds, were they unrelated."""
    return round(float(1 - np.prod(1 - np.asarray(probabilities, dtype=np.float64))), 6)


def probabilities(entries: Sequence[Entry]) -> Float[np.ndarray, " q"]:
    """Those of a queue, in its order."""
    return np.asarray([entry.probability for entry in entries], dtype=np.float64)


def _strongest_first(reasons: Iterable[Reason]) -> list[Reason]:
    return sorted(reasons, key=lambda each: -each.probability)
