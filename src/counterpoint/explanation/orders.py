r"""Faithfulness: how fast the similarity falls, or rises, as parts are masked, or restored, in the order of a table.

    deletion    mean of g while parts of both unmasked items are masked, the most important first
    insertion   mean of g while parts of both fully masked items are restored, the most important first

g(S, T) = f(S) . f'(T), measured at ``LEVELS`` + 1 numbers of parts.  The most important part is the one whose main
effect, given the parts that are left, is largest in the surrogate of ``pair.py``: a_i . f^'(T) or b_j . f^(S).  The
baseline is the mean over random orders: deletion should be below it, insertion above.  Petsiuk et al. 2018,
arXiv:1806.07421 (RISE), section 3; for two items Baniecki et al. 2025, arXiv:2508.05430, section 4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64

from counterpoint import rng
from counterpoint.explanation.masked_vectors import MaskedItem
from counterpoint.explanation.masks import keys
from counterpoint.explanation.part_table import PartTable

LEVELS, RANDOM = 10, 16
"""Steps of an order after which g is measured; random orders."""


class Area(NamedTuple):
    """The mean of g along an order and along random orders, and their difference with its 95 % interval."""

    value: float
    random: float
    difference: float
    low: float
    high: float


class Areas(NamedTuple):
    """Deletion and insertion of a pair of items."""

    deletion: Area
    insertion: Area


def areas(a: MaskedItem, b: MaskedItem, tables: tuple[PartTable, PartTable], *, seed: int) -> Areas:
    """Deletion and insertion of a pair of items; the intervals are over the random orders."""
    count = len(a.parts.names) + len(b.parts.names)
    random = [rng.permutation(count, seed=seed, epoch=number + 1).numpy() for number in range(RANDOM)]
    orders = np.stack([_greedy(*tables, inserting=False), _greedy(*tables, inserting=True)[::-1], *random])
    kept = np.stack([_kept_along(order) for order in orders])  # (orders, levels, parts of both)
    split, size = len(a.parts.names), kept.shape[0] * kept.shape[1]
    flat = torch.from_numpy(kept.reshape(size, count))
    first = a.vectors(flat[:, :split], keys(size, seed=seed, stream=-1))
    second = b.vectors(flat[:, split:], keys(size, seed=seed, stream=-2))
    area = (first * second).sum(axis=1).reshape(kept.shape[:2]).mean(axis=1)
    return Areas(*(_beside(float(each), area[2:]) for each in area[:2]))


def _kept_along(order: Int64[np.ndarray, " n"]) -> Bool[np.ndarray, "l n"]:
    """The parts that are left at each level as parts are masked in this order, from all to none."""
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    masked = np.unique(np.linspace(0, len(order), LEVELS + 1).round().astype(np.int64))
    result: np.ndarray = rank >= masked[:, None]
    return result


def _greedy(a: PartTable, b: PartTable, *, inserting: bool) -> Int64[np.ndarray, " n"]:
    """The parts of both items, those of the second numbered after those of the first, most important first."""
    sign = 1.0 if inserting else -1.0
    start = np.full((1, len(a.values)), not inserting), np.full((1, len(b.values)), not inserting)
    f, g = a.predicted(start[0])[0], b.predicted(start[1])[0]
    left, order = np.ones(len(a.values) + len(b.values), dtype=bool), []
    for _ in range(len(left)):
        gain = np.concatenate([a.values @ g, b.values @ f])
        best = int(np.where(left, gain, -np.inf).argmax())
        left[best] = False
        order.append(best)
        if best < len(a.values):
            f = f + sign * a.values[best]
        else:
            g = g + sign * b.values[best - len(a.values)]
    return np.asarray(order)


def _beside(value: float, random: Float64[np.ndarray, " r"]) -> Area:
    """An area beside those of random orders, with Student's interval of their mean."""
    from scipy.stats import t

    mean = float(random.mean())
    margin = float(t.ppf(0.975, len(random) - 1)) * float(random.std(ddof=1)) / len(random) ** 0.5
    return Area(value, mean, value - mean, value - mean - margin, value - mean + margin)
