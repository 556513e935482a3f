"""Pairs to ask about, drawn from labels: as many of one class as of two, and no item in two pairs.

Pairs that share no item say something new each, so that their number is what an interval may count on.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

from counterpoint.data.pairs import Pairs
from counterpoint.data.splits import members


def drawn_pairs(codes: Int64[np.ndarray, " n"], *, seed: int) -> Pairs:
    """Pairs of the labelled items; a quarter of the items stands in pairs of one class, a quarter in others, or fewer.

    >>> pairs = drawn_pairs(np.asarray([0, 0, 0, 0, 1, 1, 1, 1]), seed=0)
    >>> len(pairs.same), int(pairs.same.sum()), len({*pairs.first.tolist(), *pairs.second.tolist()})
    (4, 2, 8)
    """
    generator = np.random.default_rng(seed)
    alike, rest = [], []
    for rows in members(codes, int(codes.max(initial=-1)) + 1, seed=seed):
        half = len(rows) // 4 * 2 if len(rows) >= 4 else (2 if len(rows) >= 2 and generator.random() < 0.5 else 0)
        alike.append(rows[:half].reshape(-1, 2))
        rest.append(rows[half:])
    same = np.concatenate([*alike, np.empty((0, 2), dtype=np.int64)])
    strangers = np.concatenate([*rest, np.empty(0, dtype=np.int64)])
    half = len(strangers) // 2
    apart = np.stack([strangers[:half], strangers[len(strangers) - half :]], axis=1)  # still class by class
    apart = apart[codes[apart[:, 0]] != codes[apart[:, 1]]]
    count = min(len(same), len(apart))
    chosen = np.concatenate([generator.permutation(same)[:count], generator.permutation(apart)[:count]])
    return Pairs(chosen[:, 0], chosen[:, 1], np.arange(2 * count) < count)
