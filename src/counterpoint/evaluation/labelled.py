"""Items with their class ids: the training and test items of a probe."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Int64

from counterpoint.data.groups import GroupIds, advice, group_ids, shared_groups
from counterpoint.data.labels import Labels, alone
from counterpoint.data.splits import ClassIds, class_counts, is_labelled, split
from counterpoint.data.subset import Subset
from counterpoint.errors import LabelError, listed
from counterpoint.interfaces import Items
from counterpoint.label_types import renumbered

SHARE = 0.2
"""Share of every class that is held out for testing when there is no test source."""


@dataclass(frozen=True)
class Labelled:
    """Items and their labels: one class each, or several."""

    items: Items
    labels: ClassIds
    classes: Sequence[str]

    @classmethod
    def read(cls, items: Items, labels: Labels) -> Labelled:
        """All items, with the labels that were read for them."""
        return cls(items, labels.class_ids, labels.classes)

    @cached_property
    def groups(self) -> GroupIds | None:
        """The group id of each, which no split may separate; None without groups.

        Raises:
            LabelError: Some have none.
        """
        return group_ids(self.items)

    def groups_of(self, rows: Int64[np.ndarray, " m"]) -> GroupIds | None:
        """The groups of some of them, with the ids that they have among all."""
        return None if self.groups is None else self.groups[rows]

    @property
    def group_count(self) -> int | None:
        """The number of their groups; None without groups."""
        return None if self.groups is None else len(np.unique(self.groups))

    def of(self, rows: Int64[np.ndarray, " m"]) -> Labelled:
        """Some of them."""
        return Labelled(Subset(self.items, rows), self.labels[rows], self.classes)

    def labelled(self) -> Labelled:
        """The labelled ones."""
        train = is_labelled(self.labels)
        return self if train.all() else self.of(np.flatnonzero(train))

    def counts(self) -> dict[str, int]:
        """The number of items of each class."""
        return class_counts(self.labels, self.classes)

    def occurring(self) -> set[str]:
        """The names of the classes that occur."""
        return {name for name, count in self.counts().items() if count}

    def without(self, names: Collection[str]) -> Labelled:
        """Those whose names are not among these."""
        return self.of(np.flatnonzero([name not in names for name in self.items.names]))


def held_out(labelled: Labelled, *, seed: int) -> tuple[Labelled, Labelled]:
    """Labelled items in two parts, a fifth of every class that has two in the second; no group is divided."""
    train, test = split(labelled.labels, seed=seed, share=SHARE, groups=labelled.groups)
    if not test.any():
        raise LabelError(alone(len(labelled.labels)) if labelled.groups is None else advice(labelled.groups))
    return labelled.of(np.flatnonzero(train)), labelled.of(np.flatnonzero(test))


def groups_between(train: Items, test: Labelled, *, separate: bool) -> dict[str, Any]:
    """The number of ``groups`` of test items, and of ``shared_groups`` with training items, as JSON values.

    Empty without groups; ``separate`` says whether both have their own source.
    """
    if test.group_count is None:
        return {}
    return {"groups": test.group_count, "shared_groups": shared_groups(test.items, train) if separate else []}


def numbered_alike(train: Labelled, test: Labelled) -> Labelled:
    """The labelled items of a second source, with the class ids of the first."""
    same_classes(train.classes, test.occurring())
    if train.labels.ndim != test.labels.ndim:
        raise LabelError("The items to learn from have one class each and the test items several, or the reverse.")
    return Labelled(test.items, renumbered(test.labels, test.classes, train.classes), train.classes).labelled()


def same_classes(train: Sequence[str], test: Collection[str]) -> None:
    """Refuse test classes that do not occur in training."""
    unknown = sorted(set(test) - set(train))
    if unknown:
        raise LabelError(
            f"The test labels {listed(unknown, 5)} are none of those to learn from, {listed(train, 10)}. "
            "Give labels of the same classes."
        )
