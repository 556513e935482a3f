"""Items with the number of each one's class: those a probe learns from, and those it is asked about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, Shaped

from counterpoint.data.labels import encode
from counterpoint.data.splits import Codes, members, split
from counterpoint.data.subset import Subset
from counterpoint.errors import LabelError, listed
from counterpoint.interfaces import Items

Answers = Shaped[np.ndarray, " _"]
"""One label per item, numbers or strings."""

SHARE = 0.2
"""Of every class, what is asked about when there are no items of its own for that."""


@dataclass(frozen=True)
class Labelled:
    """Items and what each is named: its class, or its classes."""

    items: Items
    labels: Codes
    classes: Sequence[str]

    def of(self, rows: Int64[np.ndarray, " m"]) -> Labelled:
        """Some of them."""
        return Labelled(Subset(self.items, rows), self.labels[rows], self.classes)

    def occurring(self) -> set[str]:
        """The names of the classes that some of the items are of."""
        rows = members(self.labels, len(self.classes), seed=0)
        return {name for name, each in zip(self.classes, rows, strict=False) if len(each)}

    def without(self, names: Collection[str]) -> Labelled:
        """Those whose names are none of these."""
        return self.of(np.flatnonzero([name not in names for name in self.items.names]))


def held_out(items: Items, answers: Answers, *, seed: int) -> tuple[Labelled, Labelled]:
    """The items in two parts, a fifth of every class in the second."""
    codes, classes = encode(answers)
    known, asked = split(codes, seed=seed, share=SHARE)
    if not asked.any():
        raise LabelError(
            f"No label stands for two items: {len(classes)} labels for {len(codes)} items. "
            "Are they names, or numbers to predict? Give classes."
        )
    whole = Labelled(items, codes, classes)
    return whole.of(np.flatnonzero(known)), whole.of(np.flatnonzero(asked))


def numbered_alike(train: Items, answers: Answers, test: Items, asked: Answers) -> tuple[Labelled, Labelled]:
    """Two sets of items whose classes have the same numbers; the second may lack some of the classes."""
    classes = sorted({str(each) for each in answers})
    same_classes(classes, {str(each) for each in asked})
    return Labelled(train, encode(answers, classes)[0], classes), Labelled(test, encode(asked, classes)[0], classes)


def same_classes(known: Sequence[str], asked: Collection[str]) -> None:
    """Refuse to ask about classes that nothing is known of."""
    unknown = sorted(set(asked) - set(known))
    if unknown:
        raise LabelError(
            f"The test labels {listed(unknown, 5)} are none of those to learn from, {listed(known, 10)}. "
            "Give labels of the same classes."
        )
