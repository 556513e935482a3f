"""Scores as dots with intervals beside their baselines, as a table, and as a verdict in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterpoint.reports.charts import Tick, ticks

KINDS = {
    "knn": ("kNN", "Nearest neighbours find"),
    "linear": ("Linear probe", "A linear probe finds"),
}
"""The title of each kind of score, and the beginning of its sentence."""

NAMES = {"raw": "raw features", "untrained": "untrained encoder", "chance": "chance"}
MINUS = "\N{MINUS SIGN}"
ENDS = ("value", "low", "high")


@dataclass(frozen=True)
class Row:
    """One score: the values as text, and the positions of dot and whiskers, from 0 to 100, left to right."""

    name: str
    value: str
    interval: str
    better: str
    """The gain of the trained encoder in points, and its interval; empty in its own row."""
    between: str
    dot: float
    low: float
    high: float

    @property
    def outside(self) -> bool:
        """Whether the score lies to the left of the axis, as chance does when the others are close together."""
        return self.dot < 0


@dataclass(frozen=True)
class Score:
    """All rows of one kind of score on one axis, the trained encoder first."""

    title: str
    level: str
    sentence: str
    rows: Sequence[Row]
    axis: Sequence[Tick]


def scores(evaluation: Mapping[str, Any]) -> list[Score]:
    """The scores of kNN and linear probe, all on one axis."""
    result = {kind: evaluation[kind] for kind in KINDS if kind in evaluation}
    if not result:
        return []
    axis = _axis(list(result.values()))
    return [_score(kind, score, axis) for kind, score in result.items()]


def _axis(result: Sequence[Mapping[str, Any]]) -> list[float]:
    """Round values that cover every interval except that of chance, which would compress the others."""
    shown = [each for score in result for each in (score, *_simpler(score))]
    ends = [each[end] for each in shown for end in ("low", "high")]
    return ticks(max(0.0, min(ends) - 0.01), min(1.0, max(ends) + 0.01), 6)


def _simpler(score: Mapping[str, Any]) -> list[Mapping[str, float]]:
    return [each for name, each in score["baselines"].items() if name != "chance"]


def _score(kind: str, score: Mapping[str, Any], axis: Sequence[float]) -> Score:
    def place(share: float) -> float:
        return 100 * (share - axis[0]) / (axis[-1] - axis[0])

    def row(name: str, share: Mapping[str, float], better: str = "", between: str = "") -> Row:
        value, low, high = (share[end] for end in ENDS)
        interval = f"{100 * low:.1f} to {100 * high:.1f}"
        return Row(name, f"{value:.1%}", interval, better, between, place(value), place(low), place(high))

    rows = [row("trained encoder", score)]
    for name, baseline in score["baselines"].items():
        by, low, high = (100 * score["differences"][name][end] for end in ENDS)
        better, between = (text.replace("-", MINUS) for text in (f"{by:+.1f}", f"{low:+.1f} to {high:+.1f}"))
        rows.append(row(NAMES.get(name, name), baseline, better, between))
    title, finds = KINDS[kind]
    sentence = f"{finds} the right label for {score['value']:.1%} of the test items. {score['sentence']}"
    ticked = [Tick(place(each), f"{100 * each:g}%") for each in axis]
    return Score(title, score["level"], sentence, rows, ticked)
