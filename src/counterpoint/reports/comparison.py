"""The page of a comparison of methods: one plot, one table, one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoint import __version__
from counterpoint.reports.charts import Tick, ticks
from counterpoint.reports.template import template
from counterpoint.storage.files import write_text

ROW, LETTER, AXIS = 26, 9, 440
"""Height of a row of the plot, width of a letter of its names, and length of its axis, in pixels."""

NAMES = {"raw": "raw features", "untrained": "untrained encoder", "chance": "chance"}
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Row:
    """One method or baseline: the positions of its dot and whiskers, and its cells in the table."""

    name: str
    kind: str
    dot: float
    low: float
    high: float
    cells: Sequence[tuple[str, str]]
    """The cells of the table, each with a note in small print."""


@dataclass(frozen=True)
class Page:
    """The values of the template."""

    level: str
    sentence: str
    rows: Sequence[Row]
    axis: Sequence[Tick]
    note: str
    left: int
    """The left end of the axis."""


def page(result: Mapping[str, Any]) -> Page:
    """The plot and the table of the result of ``compare``."""
    scores = [row["linear"] for row in result["methods"]]
    shown = {name: each for name, each in result["baselines"].items() if name != "chance"}
    ends = [each[end] for each in (*scores, *(each["linear"] for each in shown.values())) for end in ("low", "high")]
    axis = [each for each in ticks(max(0.0, min(ends)), min(1.0, max(ends)), 7) if 0 <= each <= 1.0001]

    left = 20 + LETTER * max(len(called(each)) for each in (*result["methods"], {"method": NAMES["untrained"]}))

    def across(share: float) -> float:
        return left + (share - axis[0]) / (axis[-1] - axis[0]) * AXIS

    def row(name: str, kind: str, score: Mapping[str, float], cells: Sequence[tuple[str, str]]) -> Row:
        return Row(name, kind, across(score["value"]), across(score["low"]), across(score["high"]), cells)

    rows = [row(called(each), "method", each["linear"], _cells(each)) for each in result["methods"]]
    rows += [
        row(NAMES[name], "baseline", each["linear"], [_with(each["linear"]), _with(each["knn"]), *[("", "")] * 5])
        for name, each in shown.items()
    ]
    return Page(
        result["level"],
        result["sentence"],
        rows,
        [Tick(across(each), f"{100 * each:g}%") for each in axis],
        _note(result),
        left,
    )


def write_comparison(folder: Path, result: Mapping[str, Any]) -> Path:
    """Write ``report.html`` into the folder of a comparison and return its path."""
    drawn = template("comparison").render(
        page=page(result),
        name=folder.name,
        result=result,
        sizes={"row": ROW, "axis": AXIS},
        machine={"counterpoint": __version__, **result["machine"]},
    )
    write_text(folder / "report.html", drawn)
    return folder / "report.html"


def called(row: Mapping[str, Any]) -> str:
    """The name of a method, and whether it has learned from labels."""
    return f"{row['method']} (labels)" if row.get("labels") else str(row["method"])


def _cells(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    away = [row["differences"][name]["linear"] for name in ("untrained", "raw")]
    return [
        _with(row["linear"]),
        _with(row["knn"]),
        _signed(row["best_minus"]["linear"]) if row["best_minus"] else ("", ""),
        *(_signed(each) for each in away),
        (f"{row['epochs']:g}", ""),
        ("", ", ".join(row["verdicts"])),
    ]


def _with(score: Mapping[str, float]) -> tuple[str, str]:
    return f"{score['value']:.1%}", f"{100 * score['low']:.1f} to {100 * score['high']:.1f}"


def _signed(difference: Mapping[str, float]) -> tuple[str, str]:
    value, low, high = (difference[end] for end in ("value", "low", "high"))
    reach = f"{100 * low:+.1f} to {100 * high:+.1f}".replace("-", MINUS)
    return f"{100 * value:+.1f}".replace("-", MINUS), reach


def _note(result: Mapping[str, Any]) -> str:
    seeds = "one seed" if result["seeds"] == 1 else f"the mean of {result['seeds']} seeds"
    time = result["asked"]["minutes"]
    each = f"{time:g} minutes" if time else f"{result['asked']['epochs']} epochs"
    luck = "the test items" if result["seeds"] == 1 else "seeds and test items"
    return (
        f"Every method was trained for {each}. Linear probe on {result['items']['asked']:,} items, {seeds}, with 95 % "
        f"intervals that know the luck of {luck}. Differences are paired, and the intervals of all "
        f"{result['comparisons']} hold together."
    )
