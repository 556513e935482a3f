"""Accuracy by number of labels, as a plot, as a table and in one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterpoint.reports.charts import Tick, ticks

NAMES = {
    "scratch": "from scratch",
    "linear": "linear probe",
    "tuned": "fine-tuned",
    "distilled": "distilled",
    "student": "the student that is left",
}

WIDTH, HEIGHT = 640, 330
LEFT, RIGHT, TOP, BOTTOM = 52, 624, 14, 274

APART = 7
"""Pixels between the marks of two uses at one budget, so that their intervals do not overlap."""

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Mark:
    """One score: its position and the extent of its interval."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """One use of labels: its marks from few labels to many, joined by a line."""

    key: str
    name: str
    marks: Sequence[Mark]

    @property
    def points(self) -> str:
        """The line, as SVG ``points``."""
        return " ".join(f"{mark.x:.1f},{mark.y:.1f}" for mark in self.marks)


@dataclass(frozen=True)
class Efficiency:
    """The plot, and the table under it: a row for every budget, a cell for every use of labels."""

    level: str
    sentence: str
    curves: Sequence[Curve]
    across: Sequence[Tick]
    up: Sequence[Tick]
    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    note: str
    left_out: Sequence[str]


def efficiency(result: Mapping[str, Any]) -> Efficiency | None:
    """The plot of a result of ``label_efficiency``; None without one."""
    if not result.get("rows"):
        return None
    rows = sorted(result["rows"], key=lambda row: row["labels"])
    names = list(rows[0]["ways"])
    scores = [score for row in rows for score in row["ways"].values()] + [
        result.get("student", rows[0]["ways"][names[0]])
    ]
    axis = _axis(min(each["low"] for each in scores), max(each["high"] for each in scores))
    ends = (math.log(rows[0]["labels"]), math.log(rows[-1]["labels"]))

    def across(labels: int) -> float:
        low, high = LEFT + 30, RIGHT - 30
        share = (math.log(labels) - ends[0]) / (ends[1] - ends[0]) if ends[1] > ends[0] else 0.5
        return low + share * (high - low)

    def mark(score: Mapping[str, Any], labels: int, aside: float) -> Mark:
        y, low, high = (_up(score[name], axis) for name in ("value", "low", "high"))
        return Mark(across(labels) + aside, y, low, high)

    middle = (len(names) - 1) / 2
    curves = [
        Curve(key, NAMES[key], [mark(row["ways"][key], row["labels"], APART * (place - middle)) for row in rows])
        for place, key in enumerate(names)
    ]
    if "student" in result:
        aside = APART * (len(names) - middle)
        curves.append(
            Curve("distilled", NAMES["student"], [mark(result["student"], result["student"]["labels"], aside)])
        )
    level, sentence = _verdict(rows[-1], names)
    return Efficiency(
        level=level,
        sentence=sentence,
        curves=curves,
        across=[Tick(across(row["labels"]), row["budget"]) for row in rows],
        up=[Tick(_up(each, axis), f"{100 * each:g}%") for each in axis],
        heads=[NAMES[name] for name in names],
        rows=[(f"{row['budget']}, {row['labels']:,} labels", [_cell(row, name) for name in names]) for row in rows],
        note=_note(result),
        left_out=[f"{each['budget']}: {each['reason']}" for each in result.get("left_out", [])],
    )


def _axis(low: float, high: float) -> list[float]:
    """Round values around the scores, none beyond 0 and 1.

    >>> _axis(1.0, 1.0), _axis(0.42, 0.81)
    ([0.95, 0.96, 0.97, 0.98, 0.99, 1.0], [0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    """
    low, high = max(0.0, min(low, high - 0.05)), min(1.0, high)
    return [each for each in ticks(min(low, 0.95), max(high, 0.05), 7) if 0 <= each <= 1]


def _up(share: float, axis: Sequence[float]) -> float:
    return BOTTOM + (share - axis[0]) / (axis[-1] - axis[0]) * (TOP - BOTTOM)


def _cell(row: Mapping[str, Any], name: str) -> tuple[str, str]:
    """The score, and the gain over the first use."""
    score, difference = row["ways"][name], row["differences"].get(name)
    if difference is None:
        return f"{score['value']:.1%}", f"{100 * score['low']:.1f} to {100 * score['high']:.1f}"
    value, low, high = (100 * difference[end] for end in ("value", "low", "high"))
    return f"{score['value']:.1%}", f"{value:+.1f} ({low:+.1f} to {high:+.1f})".replace("-", MINUS)


def _verdict(row: Mapping[str, Any], names: Sequence[str]) -> tuple[str, str]:
    """The best use of the encoder compared with training from scratch, at the most labels."""
    best = max((name for name in names[1:]), key=lambda name: row["ways"][name]["value"])
    value, low, high = (100 * row["differences"][best][end] for end in ("value", "low", "high"))
    reach = f"({low:+.1f} to {high:+.1f})".replace("-", MINUS)
    accuracy = f"{row['ways'][best]['value']:.1%}"
    text = f"With {row['labels']:,} labels ({row['budget']}), {NAMES[best]} has an accuracy of {accuracy}"
    if low > 0:
        return "good", f"{text}, {value:.1f} points {reach} above training from scratch."
    if high < 0:
        return "bad", f"{text}, {-value:.1f} points {reach} below training from scratch."
    return "warning", f"{text}, which is not significantly different from training from scratch {reach}."


def _note(result: Mapping[str, Any]) -> str:
    luck = "draws and test items" if result["draws"] > 1 else "the test items only, not that of draws"
    return (
        f"Accuracy on {result['asked']:,} items, mean of {result['draws']} draws of the labels, with 95 % intervals "
        f"that know the luck of {luck}. In brackets: points above training from scratch on the same labels; the "
        f"intervals of all {result['comparisons']} such differences hold together."
    )
