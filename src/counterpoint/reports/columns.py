"""The contents of items by column, for data with columns instead of pictures: words, or small curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from counterpoint.errors import counted
from counterpoint.interfaces import Items
from counterpoint.modality import Cell, Modality, ShowsCells

MOST = 10
"""Columns that are shown; more do not fit on a page."""

POINTS, WIDTH, HEIGHT = 60, 120, 28
"""Points and canvas of a small curve."""


class Shown(NamedTuple):
    """The contents of a cell: its words, or the ``points`` of an SVG curve with its range in words."""

    text: str
    points: str = ""


class Columns(NamedTuple):
    """The names of the first columns, a row of cells for each item, and the number of further columns."""

    names: Sequence[str] = ()
    rows: Sequence[Sequence[Shown]] = ()
    more: int = 0


def columns(modality: Modality, items: Items | None, rows: Int64[np.ndarray, " n"]) -> Columns:
    """The cells of these items; nothing for data without columns. Curves of one column share a scale."""
    if items is None or not len(rows) or not isinstance(modality, ShowsCells):
        return Columns()
    result = modality.cells(items.take(rows))
    names = list(result[0])
    shown = [_column([row[name] for row in result]) for name in names[:MOST]]
    return Columns(names[:MOST], list(zip(*shown, strict=True)), max(0, len(names) - MOST))


def _column(cells: Sequence[Cell]) -> list[Shown]:
    curves = [np.asarray(each, dtype=np.float64) for each in cells if not isinstance(each, str)]  # None becomes NaN
    if not curves:
        return [Shown(str(each)) for each in cells]
    present = np.concatenate([each[~np.isnan(each)] for each in curves])
    low, high = (float(present.min()), float(present.max())) if len(present) else (0.0, 0.0)
    return [_curve(each, low, high) for each in curves]


def _curve(values: np.ndarray, low: float, high: float) -> Shown:
    """A curve, thinned to as many points as can be seen, scaled to the range of its column; a gap is bridged."""
    present = np.flatnonzero(~np.isnan(values))
    if not len(present):
        return Shown(f"{counted(len(values), 'step')}, none of them measured")
    thinned = np.linspace(0, len(present) - 1, min(len(present), POINTS)).astype(np.int64)
    places = present[np.unique(thinned)]
    x = places / max(len(values) - 1, 1) * WIDTH
    y = HEIGHT - 1 - (values[places] - low) / ((high - low) or 1.0) * (HEIGHT - 2)
    points = " ".join(f"{a:.0f},{b:.1f}" for a, b in zip(x, y, strict=True))
    missing = f", {len(values) - len(present):,} missing" if len(present) < len(values) else ""
    lowest, highest = values[present].min(), values[present].max()
    return Shown(f"{counted(len(values), 'step')} between {lowest:.3g} and {highest:.3g}{missing}", points)
