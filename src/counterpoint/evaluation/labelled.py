"""Items with the number of each one's class: those a probe learns from, and those it is asked about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, Shaped

from counterpoint.data.labels import encode
from counterpoint.data.splits import split
from counterpoint.data.subset import Subset
from counterpoint.errors import LabelError
from counterpoint.interfaces import Items

Answers = Shaped[np.ndarray, " _"]
"""One label per item, numbers or strings."""

SHARE = 0.2
"""Of every class, what is asked about when there are no items of its own for that."""


@dataclass(frozen=True)
class Labelled:
    """Items and the number of each one's class."""

    items: Items
    labels: Int64[np.ndarray, " n"]


def held_out(items: Items, answers: Answers, *, seed: int) -> tuple[Labelled, Labelled]:
    """The items in two parts, a fifth of every class in the second."""
    codes, classes = encode(answers)
    known, asked = split(codes, seed=seed, share=SHARE)
    if not asked.any():
        raise LabelError(
            f"No label stands for two items: {len(classes)} labels for {len(codes)} items. "
            "Are they names, or numbers to predict? Give classes."
        )
    parts = (np.flatnonzero(rows) for rows in (known, asked))
    first, second = (Labelled(Subset(items, rows), codes[rows]) for rows in parts)
    return first, second


def numbered_alike(train: Items, answers: Answers, test: Items, asked: Answers) -> tuple[Labelled, Labelled]:
    """Two sets of items whose classes have the same numbers."""
    classes = sorted({str(each) for each in (*answers, *asked)})
    return Labelled(train, encode(answers, classes)[0]), Labelled(test, encode(asked, classes)[0])
