"""The features of a table: standardised numbers, the median for missing ones, and a column for each category."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from counterpoint.errors import SourceError, counted

CATEGORIES = 64
"""Categories with a column of their own; the rest share one."""


@dataclass(frozen=True)
class Number:
    """A column of numbers: how it is standardised, and what stands for a missing one."""

    name: str
    mean: float
    deviation: float
    median: float


@dataclass(frozen=True)
class Category:
    """A column of strings: those with a column of their own, and whether the rest share one."""

    name: str
    values: list[str]
    other: bool


Feature = Number | Category


Cells = Sequence[str] | Float64[np.ndarray, " n"]
"""A column as a table sees it: strings, or numbers with NaN for missing ones."""


def feature_of(name: str, cells: Cells) -> Feature | None:
    """What there is to know of a column, or None if all rows have the same."""
    if not isinstance(cells, np.ndarray):
        counts = Counter(cells)
        frequent = sorted(counts, key=lambda value: (-counts[value], value))[:CATEGORIES]
        return Category(name, frequent, len(counts) > CATEGORIES) if len(counts) > 1 else None
    known = cells[~np.isnan(cells)]
    if not len(known) or known.min() == known.max():
        return None
    median = float(np.median(known))
    filled = _filled(name, cells, median)
    mean, deviation = moments(filled)
    return Number(name, mean, deviation, median)


def moments(values: Float64[np.ndarray, " n"]) -> tuple[float, float]:
    """Mean and standard deviation, also where squares of the numbers are beyond what a number can hold.

    >>> moments(np.array([-1e300, 1e300]))
    (0.0, 1e+300)
    """
    size = float(np.abs(values).max()) or 1.0
    return float((values / size).mean() * size), float((values / size).std() * size)


def _filled(name: str, cells: Float64[np.ndarray, " n"], median: float) -> Float64[np.ndarray, " n"]:
    """The numbers of a column, with the median for missing ones."""
    infinite = np.isinf(cells)
    if infinite.any():
        raise SourceError(
            f"The column '{name}' holds {counted(int(infinite.sum()), 'infinite number')}, the first in row "
            f"{int(infinite.argmax())}. Replace them first."
        )
    return np.where(np.isnan(cells), median, cells)


def encoded(feature: Feature, cells: Cells) -> Float32[np.ndarray, "n d"]:
    """The columns that the encoder sees of one feature."""
    if isinstance(feature, Category):
        place = {value: number for number, value in enumerate(feature.values)}
        width = len(feature.values) + feature.other
        numbers = np.asarray([place.get(str(cell), len(feature.values)) for cell in cells])
        same: np.ndarray = numbers[:, None] == np.arange(width)
        return same.astype(np.float32)
    values = _filled(feature.name, np.asarray(cells, dtype=np.float64), feature.median)
    return np.asarray(((values - feature.mean) / feature.deviation)[:, None], dtype=np.float32)


def width_of(feature: Feature) -> int:
    """How many columns the encoder sees of a feature."""
    return len(feature.values) + feature.other if isinstance(feature, Category) else 1
