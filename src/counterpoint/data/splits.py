"""Subsets of the labelled items: held-out ones, and those of a budget; stratified, and determined by a seed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int64

from counterpoint.data.group_splits import hold_out_groups
from counterpoint.errors import LabelError, listed

UNLABELLED = -1

DRAWN = 1
"""Separates the draws of a budget from those of ``split``: otherwise a test set held out with the same seed would
contain the items of the budget."""


ClassIds = Int64[np.ndarray, "n ..."]
"""Class ids: the class of each item (n,), or for each class whether an item has it (n, k). An unlabelled item is -1
throughout."""


def is_labelled(class_ids: ClassIds) -> Bool[np.ndarray, " n"]:
    """Which items are labelled.

    >>> is_labelled(np.asarray([2, -1, 0])).tolist(), is_labelled(np.asarray([[0, 0], [-1, -1]])).tolist()
    ([True, False, True], [True, False])
    """
    labelled: np.ndarray = (class_ids if class_ids.ndim == 1 else class_ids[:, 0]) != UNLABELLED
    return labelled


def class_counts(class_ids: ClassIds, classes: Sequence[str]) -> dict[str, int]:
    """The number of labelled items of each class.

    >>> class_counts(np.asarray([0, 1, -1, 0]), "ab"), class_counts(np.asarray([[0, 1], [-1, -1], [1, 1]]), "ab")
    ({'a': 2, 'b': 1}, {'a': 1, 'b': 2})
    """
    labelled = class_ids[is_labelled(class_ids)]
    each = np.bincount(labelled, minlength=len(classes)) if class_ids.ndim == 1 else labelled.sum(axis=0)
    return dict(zip(classes, each.tolist(), strict=True))


def members(class_ids: ClassIds, count: int, *, seed: int | Sequence[int]) -> list[Int64[np.ndarray, " m"]]:
    """The shuffled items of each class; for multi-label items, last, also those of no class.

    >>> [sorted(rows.tolist()) for rows in members(np.asarray([0, 0, 1, -1, 0]), 2, seed=3)]
    [[0, 1, 4], [2]]
    >>> [sorted(rows.tolist()) for rows in members(np.asarray([[1, 1], [0, 1], [0, 0], [-1, -1]]), 2, seed=3)]
    [[0], [0, 1], [2]]
    """
    shuffled = np.random.default_rng(seed).permutation(len(class_ids))
    named = class_ids[shuffled]
    if class_ids.ndim == 1:
        return [shuffled[named == code] for code in range(count)]
    none = shuffled[(named == 0).all(axis=1)]
    return [*(shuffled[named[:, code] == 1] for code in range(count)), none]


def budget(
    class_ids: ClassIds,
    classes: Sequence[str],
    *,
    per_class: int | None = None,
    fraction: float | None = None,
    seed: int = 0,
) -> Bool[np.ndarray, " n"]:
    """Which labelled items are in a budget: so many of every class, or this share of it; all without either.

    A smaller budget is a subset of every larger one with the same seed. For multi-label items, each class gets at
    least so many. The only item of a class is in every budget, where others have more.

    Raises:
        LabelError: Both were given, a class has fewer items, or the share leaves a class without any.

    >>> class_ids = np.asarray([0, 0, 0, 1, 1, -1])
    >>> sparse, more = (budget(class_ids, "ab", per_class=count) for count in (1, 2))
    >>> int(sparse.sum()), int(more.sum()), bool((sparse <= more).all())
    (2, 4, True)
    """
    if per_class is not None and fraction is not None:
        raise LabelError("Give so many labels per class or a fraction of them, not both.")
    rows = members(class_ids, len(classes), seed=[seed, DRAWN])
    counts = np.asarray([len(each) for each in rows])
    if per_class is not None:
        wanted = np.full(len(rows), per_class)
    else:
        wanted = np.round(counts * (1.0 if fraction is None else fraction)).astype(np.int64)
    if counts.max(initial=0) > 1:
        wanted[counts == 1] = 1
    lack, none = (counts < wanted)[: len(classes)], (wanted == 0)[: len(classes)]
    for lacking, complaint in ((lack, "have fewer than"), (none, "are left without a label of")):
        if lacking.any():
            names = listed([classes[place] for place in np.flatnonzero(lacking).tolist()], 5)
            request = f"{per_class} per class" if per_class is not None else f"the fraction {fraction}"
            raise LabelError(
                f"The classes {names} {complaint} {request}. Give a budget that leaves every class at least one."
            )
    chosen = np.zeros(len(class_ids), dtype=bool)
    for each, count in zip(rows, wanted, strict=True):
        chosen[each[:count]] = True
    if class_ids.ndim == 2:  # negatives of each class are needed, too
        for code in range(len(classes)):
            shuffled = np.random.default_rng([seed, DRAWN]).permutation(len(class_ids))
            chosen[shuffled[class_ids[shuffled, code] == 0][:1]] = True
    return chosen


def hold_out(
    class_ids: ClassIds, *, seed: int, share: float, groups: Int64[np.ndarray, " n"] | None = None
) -> tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Which labelled items to keep and which to hold out: ``split``, or ``split_several``; no group is divided."""
    if groups is not None:
        return hold_out_groups(class_ids, groups, seed=seed, share=share)
    return (split if class_ids.ndim == 1 else split_several)(class_ids, seed=seed, share=share)


def split_several(
    class_ids: Int64[np.ndarray, "n k"], *, seed: int, share: float
) -> tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """As ``split``, for multi-label items: the last item of a class is never held out.

    >>> kept, held = split_several(np.asarray([[1, 0], [1, 1], [0, 0], [1, 1], [1, 1]]), seed=0, share=0.4)
    >>> bool((kept != held).all()), int(held.sum()) <= 2
    (True, True)
    """
    held = np.zeros(len(class_ids), dtype=bool)
    left, wanted = class_ids.sum(axis=0), math.ceil(share * len(class_ids))
    for row in np.random.default_rng(seed).permutation(len(class_ids)):
        if wanted == 0:
            break
        if (left - class_ids[row] >= 1).all():
            held[row] = True
            left, wanted = left - class_ids[row], wanted - 1
    return ~held, held


def split(
    labels: Int64[np.ndarray, " n"],
    *,
    seed: int,
    share: float = 0.1,
    most: int | None = None,
    groups: Int64[np.ndarray, " n"] | None = None,
) -> tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Which items to keep and which to hold out: this share of every class, at least one item but never its last.

    With ``most``, an equal share of the rest of every class is kept, about that many items in all. With the ids of
    their ``groups``, no group is divided, and nothing is held out where no group can be.

    >>> kept, held = split(np.asarray([0, 0, 0, 0, 1, 1, 2]), seed=0)
    >>> int(held[:4].sum()), int(held[4:6].sum()), bool(held[6]), bool((kept != held).all())
    (1, 1, False, True)
    """
    if groups is not None:
        kept, held = hold_out_groups(labels, groups, seed=seed, share=share)
        if most is not None and kept.sum() > most:
            rows = np.flatnonzero(kept)
            kept[rows] = split(labels[rows], seed=seed, share=0.0, most=most)[0]
        return kept, held
    _, class_ids = np.unique(labels, return_inverse=True)
    counts = np.bincount(class_ids)
    shuffled = np.random.default_rng(seed).permutation(len(class_ids))
    by_class = shuffled[np.argsort(class_ids[shuffled], kind="stable")]
    rank = np.empty(len(class_ids), dtype=np.int64)
    rank[by_class] = np.arange(len(class_ids)) - np.repeat(np.cumsum(counts) - counts, counts)
    holding = np.minimum(counts - 1, np.maximum(1, np.round(share * counts)))
    rest = counts - holding
    keeping = rest if most is None else np.ceil(rest * min(1.0, most / rest.sum()))
    held = rank < holding[class_ids]
    return ~held & (rank < (holding + keeping)[class_ids]), held
