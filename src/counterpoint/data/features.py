"""The features of a table: standardised numbers, the median for missing ones, and a column for each category."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32, Float64

from counterpoint.errors import SourceError, counted

CATEGORIES = 64
"""Categories with a one-hot column of their own; the rest share one."""

DAY, SMALL = 86400, 7
"""Seconds of a day; digits after the point from which on numbers are written with an exponent."""

LAST = 2.5e11
"""Seconds between 1970 and the last year of four digits, roughly."""

OTHER = "(other)"
"""How a category without a column of its own is displayed."""


@dataclass(frozen=True)
class Number:
    """A numeric column: its standardisation, and the value for missing cells."""

    name: str
    mean: float
    deviation: float
    median: float


@dataclass(frozen=True)
class Category:
    """A categorical column: the categories with a column of their own, and whether the rest share one."""

    name: str
    values: list[str]
    other: bool


Feature = Number | Category

Meaning = Literal["number", "time", "boolean"]
"""How the numbers of a feature are displayed."""


Cells = Sequence[str] | Float64[np.ndarray, " n"]
"""A column of a table: strings, or numbers with NaN for missing ones."""


def feature_of(name: str, cells: Cells) -> Feature | None:
    """The feature of a column, or None if all rows have the same value."""
    if not isinstance(cells, np.ndarray):
        counts = Counter(cells)
        frequent = sorted(counts, key=lambda value: (-counts[value], value))[:CATEGORIES]
        return Category(name, frequent, len(counts) > CATEGORIES) if len(counts) > 1 else None
    present = cells[~np.isnan(cells)]
    if not len(present) or present.min() == present.max():
        return None
    median = float(np.median(present))
    filled = _filled(name, cells, median)
    mean, deviation = moments(filled)
    return Number(name, mean, deviation, median)


def moments(values: Float64[np.ndarray, " n"]) -> tuple[float, float]:
    """Mean and standard deviation, also where squares of the values would overflow.

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
    """The encoder's input columns of one feature."""
    if isinstance(feature, Category):
        place = {value: number for number, value in enumerate(feature.values)}
        width = len(feature.values) + feature.other
        codes = np.asarray([place.get(str(cell), len(feature.values)) for cell in cells])
        same: np.ndarray = codes[:, None] == np.arange(width)
        return same.astype(np.float32)
    values = _filled(feature.name, np.asarray(cells, dtype=np.float64), feature.median)
    return np.asarray(((values - feature.mean) / feature.deviation)[:, None], dtype=np.float32)


def decoded(feature: Feature, columns: Float32[np.ndarray, "n d"], *, meaning: Meaning = "number") -> list[str]:
    """The inverse of ``encoded`` for display: to a thousandth of the deviation, with medians for missing values.

    >>> price, colour = Number("price", 2000.0, 10.0, 20.0), Category("colour", ["red", "blue"], True)
    >>> decoded(price, np.float32([[0], [-0.55]])), decoded(colour, np.float32([[0, 1, 0], [0, 0, 1]]))
    (['2,000', '1,994.5'], ['blue', '(other)'])
    >>> decoded(Number("born", 86400.0 * 366, 1e7, 0.0), np.float32([[0]]), meaning="time")
    ['1971-01-02']
    """
    if isinstance(feature, Category):
        return [[*feature.values, OTHER][place] for place in columns.argmax(axis=1)]
    values = columns[:, 0].astype(np.float64) * feature.deviation + feature.mean
    if meaning == "boolean":
        return ["true" if number > 0.5 else "false" for number in values]
    if meaning == "time":
        return [_moment(number, "D" if feature.deviation > DAY else "s") for number in values]
    digits = max(0, 3 - math.floor(math.log10(feature.deviation))) if feature.deviation > 0 else 0
    if digits > SMALL:
        return [f"{number:.4g}" for number in values]
    return [f"{round(number, digits) + 0.0:,.12g}" for number in values]


def _moment(seconds: float, unit: Literal["D", "s"]) -> str:
    """A time for display; a day to the nearest minute, as the encoder's values are a few seconds off.

    >>> _moment(36000.2, "s"), _moment(1e300, "D")
    ('10:00:00', '1e+300')
    """
    if not abs(seconds) < LAST:
        return f"{seconds:.4g}"
    rounded = round(seconds / 60) * 60 if unit == "D" else round(seconds)
    return str(np.datetime64(rounded, "s").astype(f"datetime64[{unit}]")).replace("T", " ").removeprefix("1970-01-01 ")


def width_of(feature: Feature) -> int:
    """The number of the encoder's input columns of a feature."""
    return len(feature.values) + feature.other if isinstance(feature, Category) else 1
