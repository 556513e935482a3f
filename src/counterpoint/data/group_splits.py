"""Splits that keep groups together, with classes balanced as far as the groups allow.

The grouping is scikit-learn's ``StratifiedGroupKFold``; the kept part has some of every class.
"""

from __future__ import annotations

import warnings

import numpy as np
from jaxtyping import Bool, Int64

LARGEST = 2**32
"""The upper limit of scikit-learn's seeds."""

ClassIds = Int64[np.ndarray, "n ..."]
GroupIds = Int64[np.ndarray, " n"]


def hold_out_groups(
    class_ids: ClassIds, group_ids: GroupIds, *, seed: int, share: float
) -> tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Which items to keep and which to hold out: about this share, without dividing groups or losing a class.

    No item is held out where no group can be.

    >>> kept, held = hold_out_groups(np.asarray([0, 1] * 4), np.asarray([3, 3, 5, 5, 7, 7, 9, 9]), seed=0, share=0.25)
    >>> int(held.sum()), bool((kept != held).all())
    (2, True)
    """
    for held in group_folds(class_ids, group_ids, count=max(2, round(1 / share)), seed=seed):
        if held.any():
            return ~held, held
    nothing = np.zeros(len(group_ids), dtype=bool)
    return ~nothing, nothing


def group_folds(class_ids: ClassIds, group_ids: GroupIds, *, count: int, seed: int) -> list[Bool[np.ndarray, " n"]]:
    """The held-out items of each of at most ``count`` folds: no group is divided, and no class is lost.

    There are fewer folds where there are fewer groups; none for a single group.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    # Multi-label items have no single class to balance: the folds are of about equal size.
    named = class_ids if class_ids.ndim == 1 else np.zeros(len(class_ids), dtype=np.int64)
    most = int(np.unique(named, return_counts=True)[1].max(initial=0))
    count = min(count, len(np.unique(group_ids)), most)
    if count < 2:
        return []
    folds = StratifiedGroupKFold(count, shuffle=True, random_state=seed % LARGEST)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")  # which is then in fewer folds
        parts = [held for _, held in folds.split(named, named, group_ids)]
    return [_spared(class_ids, group_ids, np.isin(np.arange(len(named)), held)) for held in parts]


def _spared(class_ids: ClassIds, group_ids: GroupIds, held: Bool[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """The held-out items, without groups whose loss would leave a class without positive or negative items."""
    if class_ids.ndim == 1:
        sides = class_ids[:, None] == np.unique(class_ids)
    else:
        sides = np.concatenate([class_ids == 1, class_ids == 0], axis=1)
    groups, place = np.unique(group_ids, return_inverse=True)
    of_each = np.stack([np.bincount(place, weights=side) for side in sides.T], axis=1)
    left, spared = of_each.sum(axis=0), np.zeros(len(groups), dtype=bool)
    for group in np.unique(place[held]):
        fewer = left - of_each[group]
        if (fewer[left > 0] >= 1).all():
            spared[group], left = True, fewer
    result: Bool[np.ndarray, " n"] = spared[place]
    return result
