"""Test pairs drawn from labels: as many positive as negative ones.

No item is in two pairs of one kind, so that pairs are nearly independent, and their number is valid for an interval.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

from counterpoint.data.pairs import Pairs
from counterpoint.data.splits import members


def drawn_pairs(class_ids: Int64[np.ndarray, " n"], *, seed: int) -> Pairs:
    """Pairs of the labelled items: nearly every item in one positive and in one negative pair, or fewer.

    >>> pairs = drawn_pairs(np.asarray([0, 0, 0, 0, 1, 1, 1, 1]), seed=0)
    >>> len(pairs.same), int(pairs.same.sum()), bool((pairs.first == pairs.second).any())
    (8, 4, False)
    """
    classes = int(class_ids.max(initial=-1)) + 1
    same = np.concatenate([_two_by_two(rows) for rows in members(class_ids, classes, seed=[seed, 0])] or [NONE])
    strangers = np.concatenate([*members(class_ids, classes, seed=[seed, 1]), np.empty(0, dtype=np.int64)])
    half = len(strangers) // 2
    apart = np.stack([strangers[:half], strangers[len(strangers) - half :]], axis=1)  # still sorted by class
    apart = apart[class_ids[apart[:, 0]] != class_ids[apart[:, 1]]]
    count = min(len(same), len(apart))
    generator = np.random.default_rng(seed)
    chosen = np.concatenate([generator.permutation(same)[:count], generator.permutation(apart)[:count]])
    return Pairs(chosen[:, 0], chosen[:, 1], np.arange(2 * count) < count)


NONE = np.empty((0, 2), dtype=np.int64)


def _two_by_two(rows: Int64[np.ndarray, " m"]) -> Int64[np.ndarray, "p 2"]:
    return rows[: len(rows) // 2 * 2].reshape(-1, 2)
