"""Leakage: content that stands on both sides of a split, or in two groups that a split would take for unrelated.

Kapoor & Narayanan 2023, "Leakage and the reproducibility crisis in machine-learning-based science", Patterns 4: of
eight kinds, duplicates across the split and groups across the split are those that the data alone can show.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from counterpoint.retrieval.duplicate_results import Pair

SPLIT, GROUPS = "train and test", "groups"
"""Between what it leaks."""


@dataclass(frozen=True)
class Leak:
    """Two items with one content: their names and rows, the probability of that, and between what they leak."""

    items: Sequence[str]
    index: Sequence[int]
    probability: float | None
    between: str
    groups: Sequence[str] | None = None
    """Those of the items, where they are of different ones."""


def leaks(pairs: Iterable[Pair], train: int, groups: Sequence[str | None] | None) -> list[Leak]:
    """The pairs of copies between the first ``train`` items and the others, and between groups of the first."""
    result = []
    for pair in pairs:
        i, j = sorted(pair.index)
        if i < train <= j:
            result.append(Leak((pair.a, pair.b), pair.index, pair.probability, SPLIT))
        elif j < train and groups is not None and groups[i] is not None and groups[i] != groups[j] is not None:
            of = [str(groups[row]) for row in pair.index]
            result.append(Leak((pair.a, pair.b), pair.index, pair.probability, GROUPS, of))
    return sorted(result, key=lambda leak: -(leak.probability or 0))
