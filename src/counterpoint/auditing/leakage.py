"""Leakage: near-duplicates of training items in the test set, or in two groups that a split would separate.

Of the eight types in Kapoor & Narayanan 2023, "Leakage and the reproducibility crisis in machine-learning-based
science", Patterns 4, duplicates across a split and groups across a split are those that the data alone can show.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from counterpoint.retrieval.duplicate_results import Pair

SPLIT, GROUPS = "train and test", "groups"
"""The two types: ``Leak.between``."""


@dataclass(frozen=True)
class Leak:
    """Two near-duplicate items across a split: names, rows, the probability of a copy, and the type of leakage."""

    items: Sequence[str]
    index: Sequence[int]
    probability: float | None
    between: str
    groups: Sequence[str] | None = None
    """The groups of the two items, where these differ."""


def leaks(pairs: Iterable[Pair], train: int, groups: Sequence[str | None] | None) -> list[Leak]:
    """The pairs across a split, the most probable first.

    Args:
        pairs: Near-duplicates among ``train`` training items and, behind them, test items.
        train: The number of training items.
        groups: The group of every training item; None where an item has none.
    """
    result = []
    for pair in pairs:
        i, j = sorted(pair.index)
        if i < train <= j:
            result.append(Leak((pair.a, pair.b), pair.index, pair.probability, SPLIT))
        elif j < train and groups is not None and groups[i] is not None and groups[i] != groups[j] is not None:
            both = [str(groups[row]) for row in pair.index]
            result.append(Leak((pair.a, pair.b), pair.index, pair.probability, GROUPS, both))
    return sorted(result, key=lambda leak: -(leak.probability or 0))
