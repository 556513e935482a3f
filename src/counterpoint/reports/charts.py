"""The geometry of the charts: values to positions on a small canvas. The template only draws these."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

WIDTH, HEIGHT = 360, 210
LEFT, RIGHT, TOP, BOTTOM = 46, 350, 12, 166
"""The box of a curve inside its canvas; tick labels stand to the left of and below it."""

POINTS = 400
"""Points of a line; more cannot be seen."""


class Tick(NamedTuple):
    """A position on an axis and its label."""

    place: float
    text: str


@dataclass(frozen=True)
class Line:
    """A polyline as the ``points`` of SVG, its name where a chart has several, and where it ends."""

    name: str
    points: str
    end: tuple[float, float]


@dataclass(frozen=True)
class Chart:
    """One curve chart: its title, its meaning and a description in words."""

    title: str
    meaning: str
    says: str
    lines: Sequence[Line]
    across: Sequence[Tick]
    up: Sequence[Tick]
    axis: str


@dataclass(frozen=True)
class Wanted:
    """The contents of a chart from the records, and the range that it always includes."""

    title: str
    meaning: str
    fields: Mapping[str, str]
    """From the name of a field of the records to the name of its line."""
    text: Callable[[float], str]
    within: tuple[float, ...] = ()


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers that cover the range, at most ``most`` of them.

    >>> ticks(0, 1), ticks(3.2, 5.9, 4)
    ([0.0, 0.5, 1.0], [3.0, 4.0, 5.0, 6.0])
    """
    if high <= low:
        low, high = low - 0.5, high + 0.5
    power = 10.0 ** math.floor(math.log10((high - low) / (most - 1)))
    for step in (power * each for each in (1, 2, 5, 10, 20, 50)):
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first < most:
            return [round(step * each, 12) for each in range(first, last + 1)]
    raise AssertionError("a step of fifty times the smallest always fits")


def curves(records: Sequence[Mapping[str, Any]], per_epoch: int) -> list[Chart]:
    """The charts for which the records have values; ``per_epoch`` 0 leaves the axis in steps."""
    last: Mapping[str, Any] = next((each for each in reversed(records) if "effective_rank_z_limit" in each), {})
    limit = (float(last["effective_rank_z_limit"]),) if last else ()
    compared = f" among {last['compared']:,.0f}" if "compared" in last else ""
    charts = [
        Wanted("Loss", "What training lowers.", {"loss": ""}, _short),
        Wanted(
            "Contrastive accuracy",
            f"How often an anchor finds its positive{compared}.",
            {"accuracy": ""},
            _percent,
            (0.0, 1.0),
        ),
        Wanted(
            "Effective rank of z",
            f"How many directions the compared vectors use{f', of {limit[0]:.0f}' if limit else ''}.",
            {"effective_rank_z": ""},
            _short,
            (0.0,),
        ),
        Wanted(
            "Similarity",
            "Views of one item should be similar, other items not.",
            {"positive": "positive", "negative": "negative"},
            _short,
        ),
        Wanted("kNN accuracy", "Accuracy of k nearest neighbours during training.", {"knn": ""}, _percent),
    ]
    drawn = (_chart(each, records, per_epoch) for each in charts)
    return [chart for chart in drawn if chart is not None]


def _chart(wanted: Wanted, records: Sequence[Mapping[str, Any]], per_epoch: int) -> Chart | None:
    series = {name: _series(records, field, per_epoch) for field, name in wanted.fields.items()}
    series = {name: result for name, result in series.items() if result}
    if not series:
        return None
    values = [y for result in series.values() for _, y in result]
    up = ticks(min([*values, *wanted.within]), max([*values, *wanted.within]), 6)
    up = [each for each in up if each <= 1 or wanted.text is not _percent]
    furthest = max(x for result in series.values() for x, _ in result)
    across = [each for each in ticks(0.0, furthest, 6) if each <= furthest * 1.0001]
    lines = []
    for name, result in series.items():
        places = [(_place(x, 0.0, furthest, LEFT, RIGHT), _place(y, up[0], up[-1], BOTTOM, TOP)) for x, y in result]
        lines.append(Line(name, " ".join(f"{x:.1f},{y:.1f}" for x, y in places), places[-1]))
    ends = [
        f"{name} from {wanted.text(result[0][1])} to {wanted.text(result[-1][1])}".strip()
        for name, result in series.items()
    ]
    return Chart(
        title=wanted.title,
        meaning=wanted.meaning,
        says="; ".join(ends).capitalize() + ".",
        lines=lines,
        across=[Tick(_place(each, 0.0, furthest, LEFT, RIGHT), f"{each:,g}") for each in across],
        up=[Tick(_place(each, up[0], up[-1], BOTTOM, TOP), wanted.text(each)) for each in up],
        axis="epochs" if per_epoch else "steps",
    )


def _series(records: Sequence[Mapping[str, Any]], field: str, per_epoch: int) -> list[tuple[float, float]]:
    result = [
        (record["step"] / (per_epoch or 1), float(record[field]))
        for record in records
        if "step" in record and isinstance(record.get(field), int | float) and math.isfinite(record[field])
    ]
    every = max(1, math.ceil(len(result) / POINTS))
    return result[::every] + (result[-1:] if every > 1 and (len(result) - 1) % every else [])


def _place(value: float, low: float, high: float, start: float, end: float) -> float:
    return start + (value - low) / ((high - low) or 1.0) * (end - start)


def _short(value: float) -> str:
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def _percent(value: float) -> str:
    return f"{100 * value:.3g}%"
