"""Monitor kNN accuracy during a run. Labels are used for the score only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Int64

from counterpoint import rng
from counterpoint.data.subset import Subset
from counterpoint.evaluation.knn import weighted_knn
from counterpoint.interfaces import Items, Method
from counterpoint.modality import Modality
from counterpoint.model import Model
from counterpoint.training.loop import EachEpoch

ITEMS = 3000
"""Items that are encoded each time: two thirds for training, one third for testing."""


def online_knn(
    modality: Modality, items: Items, labels: Int64[np.ndarray, " n"], *, epochs: int, seed: int = 0
) -> EachEpoch:
    """A function for ``RunOptions.each_epoch`` that measures about ten times in a run."""
    rows = rng.permutation(len(items), seed=seed, epoch=-1).numpy()[:ITEMS]
    remembered = max(1, 2 * len(rows) // 3)
    some, answers = Subset(items, rows), labels[rows]
    every = max(1, epochs // 10)

    def follow(method: Method, epoch: int) -> Mapping[str, Any]:
        if (epoch + 1) % every:
            return {}
        h = Model(method.encoder, modality).represent(some)
        guessed = weighted_knn(h[:remembered], answers[:remembered], h[remembered:], classes=int(labels.max()) + 1)
        return {"knn": float((guessed == answers[remembered:]).mean())}

    return follow
