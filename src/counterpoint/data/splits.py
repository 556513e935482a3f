"""Some of the labelled items: those held out, and those of a budget; stratified, and fixed by a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int64

from counterpoint.errors import LabelError, listed

UNLABELLED = -1


def ranks(codes: Int64[np.ndarray, " n"], *, seed: int) -> Int64[np.ndarray, " n"]:
    """The place of every item in a shuffled row of its own class, from 0; -1 for items without a label.

    >>> sorted(ranks(np.asarray([0, 0, 1, -1, 0]), seed=3).tolist())
    [-1, 0, 0, 1, 2]
    """
    place = np.full(len(codes), UNLABELLED, dtype=np.int64)
    shuffled = np.random.default_rng(seed).permutation(len(codes))
    for code in np.unique(codes[codes != UNLABELLED]):
        place[shuffled[codes[shuffled] == code]] = np.arange(int((codes == code).sum()))
    return place


def budget(
    codes: Int64[np.ndarray, " n"],
    classes: Sequence[str],
    *,
    per_class: int | None = None,
    fraction: float | None = None,
    seed: int = 0,
) -> Bool[np.ndarray, " n"]:
    """Which labelled items may be learned from: so many of every class, or this share of it; all without either.

    A smaller budget is a part of every larger one with the same seed.

    Raises:
        LabelError: Both were given, a class has fewer items, or the share leaves a class without any.

    >>> codes = np.asarray([0, 0, 0, 1, 1, -1])
    >>> few, more = (budget(codes, "ab", per_class=count) for count in (1, 2))
    >>> int(few.sum()), int(more.sum()), bool((few <= more).all())
    (2, 4, True)
    """
    if per_class is not None and fraction is not None:
        raise LabelError("Give so many labels per class or a fraction of them, not both.")
    counts = np.bincount(codes[codes != UNLABELLED], minlength=len(classes))
    if per_class is not None:
        wanted = np.full(len(classes), per_class)
    else:
        wanted = np.round(counts * (1.0 if fraction is None else fraction)).astype(np.int64)
    for lacking, said in ((counts < wanted, "have fewer than"), (wanted == 0, "are left without a label of")):
        if lacking.any():
            names = listed([classes[place] for place in np.flatnonzero(lacking).tolist()], 5)
            asked = f"{per_class} per class" if per_class is not None else f"the fraction {fraction}"
            raise LabelError(f"The classes {names} {said} {asked}. Give a budget that leaves every class at least one.")
    chosen: np.ndarray = (codes != UNLABELLED) & (ranks(codes, seed=seed) < wanted[codes])
    return chosen


def split(
    labels: Int64[np.ndarray, " n"], *, seed: int, share: float = 0.1, most: int | None = None
) -> tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Which items to keep and which to hold out: this share of every class, at least one item but never its last.

    With ``most``, an equal share of the rest of every class is kept, about that many items in all.

    >>> kept, held = split(np.asarray([0, 0, 0, 0, 1, 1, 2]), seed=0)
    >>> int(held[:4].sum()), int(held[4:6].sum()), bool(held[6]), bool((kept != held).all())
    (1, 1, False, True)
    """
    _, own = np.unique(labels, return_inverse=True)
    counts = np.bincount(own)
    shuffled = np.random.default_rng(seed).permutation(len(own))
    by_class = shuffled[np.argsort(own[shuffled], kind="stable")]
    rank = np.empty(len(own), dtype=np.int64)
    rank[by_class] = np.arange(len(own)) - np.repeat(np.cumsum(counts) - counts, counts)
    holding = np.minimum(counts - 1, np.maximum(1, np.round(share * counts)))
    rest = counts - holding
    keeping = rest if most is None else np.ceil(rest * min(1.0, most / rest.sum()))
    held = rank < holding[own]
    return ~held & (rank < (holding + keeping)[own]), held
