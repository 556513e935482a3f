"""What a scorer is: fitted on the vectors of normal items, it says how anomalous others are. And out-of-fold scores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32, Float64

from counterpoint import catalogue
from counterpoint.anomaly_detection.units import Units
from counterpoint.errors import InputError

Score = Callable[[Float32[np.ndarray, "m d"]], Float64[np.ndarray, " m"]]
"""How anomalous some vectors are, one number each; larger is more."""

Scorer = Callable[[Float32[np.ndarray, "n d"]], Score]
"""Fits a score to the vectors of normal items."""

FEWEST = 2
"""The fewest items that a score is fitted to."""


def scorer_of(spec: str) -> Scorer:
    """The scorer with this name and these options.

    Raises:
        UnknownName: There is no such scorer or option.
    """
    scorer: Scorer = catalogue.find("scorer", spec)
    return scorer


def fitted(scorer: Scorer, normal: Float32[np.ndarray, "n d"]) -> Score:
    """The score fitted to the vectors of normal items.

    Raises:
        InputError: There are fewer than two.
    """
    if len(normal) < FEWEST:
        raise InputError(f"A score is fitted to at least {FEWEST} normal items. Got {len(normal)}.")
    return scorer(normal)


def out_of_fold(
    scorer: Scorer, vectors: Float32[np.ndarray, "n d"], units: Units, *, seed: int
) -> Float64[np.ndarray, " n"]:
    """The score of every item, fitted to items of other folds.

    Raises:
        InputError: There are fewer than two groups, or a fold leaves fewer than two items.
    """
    fold = units.folds(seed=seed)
    if len(np.unique(units.groups)) < FEWEST:
        raise InputError(
            f"Items are scored by those of other groups, and all {len(vectors)} are of one. Give items of two groups, "
            "or leave out --groups."
            if len(vectors) > 1
            else f"An item is anomalous among others. Got {len(vectors)}: give more, or --normal."
        )
    scores = np.empty(len(vectors))
    for held in np.unique(fold):
        tested = np.flatnonzero(fold == held)
        others = units.apart(np.flatnonzero(fold != held), tested)
        scores[tested] = fitted(scorer, vectors[others])(vectors[tested])
    return units.averaged(scores)
