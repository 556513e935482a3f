"""The page of a search: its result, every trial, the importance of choices, and the reliability of measures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoint import __version__
from counterpoint.reports.charts import BOTTOM, HEIGHT, LEFT, TOP, Tick, ticks
from counterpoint.reports.template import template
from counterpoint.storage.files import write_text

ACROSS = 620
"""Width of the chart of trials, in which the x axis is their number."""

BAR, NAMED, LONGEST = 26, 130, 360
"""Height of a bar, room for its name and length of the longest, in pixels."""


@dataclass(frozen=True)
class Dot:
    """A trial on the chart."""

    x: float
    y: float
    kind: str
    """full, halved or repeated."""
    says: str


@dataclass(frozen=True)
class Bar:
    """The importance of one choice."""

    name: str
    length: float
    says: str


@dataclass(frozen=True)
class Page:
    """The values of the template."""

    dots: Sequence[Dot]
    usual: float | None
    """Height of the default plan's score."""
    up: Sequence[Tick]
    across: Sequence[Tick]
    bars: Sequence[Bar]
    rows: Sequence[Sequence[str]]
    """For the table: trial, scores at the rungs and at the end, state, choices, measures, seconds."""
    agreements: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Words:
    """Functions that format scores, choices and correlations."""

    called: str
    """The name of the score."""
    score: Callable[[float], str]
    choices: Callable[[Mapping[str, Any]], str]
    agreement: Callable[[Mapping[str, Any] | None], str]
    measures: Mapping[str, str]
    """The names of measures."""


def page(result: Mapping[str, Any], words: Words) -> Page:
    """The charts and the tables of a result of ``tune``."""
    trials = result["trials"]
    repeats = [each for each in result["search"]["repeats"] if each["score"] is not None]
    scored = [each for each in trials if each["score"] is not None]
    scores = [each["score"] for each in (*scored, *repeats)]
    axis, last = ticks(min(scores), max(scores), 6), max(1, len(trials) - 1)

    def up(score: float) -> float:
        return BOTTOM - (score - axis[0]) / (axis[-1] - axis[0]) * (BOTTOM - TOP)

    def across(number: float) -> float:
        return LEFT + 14 + number / last * (ACROSS - LEFT - 64)

    dots = [
        Dot(
            across(each["number"]),
            up(each["score"]),
            "full" if each["state"] == "complete" else "halved",
            f"plan {each['number']}: {words.score(each['score'])}, {words.choices(each['choices'])}",
        )
        for each in scored
    ]
    best, usual = result["best"], result["usual"]
    for each in repeats:
        number = (best if each["choices"] else usual)["plan"]
        says = f"plan {number} with seed {each['seed']}: {words.score(each['score'])}"
        dots.append(Dot(across(number) + 9, up(each["score"]), "repeated", says))
    most = max(result["importances"].values(), default=1.0) or 1.0
    every = max(1, -(-len(trials) // 12))
    return Page(
        dots=dots,
        usual=None if usual is None else up(usual["score"]),
        up=[Tick(up(each), words.score(each)) for each in axis],
        across=[Tick(across(number), str(number)) for number in range(0, len(trials), every)],
        bars=[Bar(name, LONGEST * part / most, f"{part:.0%}") for name, part in result["importances"].items()],
        rows=[_row(each, words) for each in sorted(trials, key=_order)],
        agreements=[
            (words.measures[name], words.agreement(each["early"]), words.agreement(each["late"]))
            for name, each in result["correlations"].items()
        ],
    )


def write_tuning(folder: Path, result: Mapping[str, Any], words: Words) -> Path:
    """Write ``report.html`` into the folder of a search and return its path."""
    drawn = template("tuning").render(
        page=page(result, words),
        name=folder.name,
        result=result,
        called=words.called,
        measures=words.measures,
        sizes={"across": ACROSS, "height": HEIGHT, "left": LEFT, "bottom": BOTTOM, "bar": BAR, "named": NAMED},
        bars_wide=NAMED + LONGEST + 60,
        machine={"counterpoint": __version__, **result["search"]["machine"]},
    )
    write_text(folder / "report.html", drawn)
    return folder / "report.html"


def _order(trial: Mapping[str, Any]) -> tuple[bool, float]:
    """Complete trials first, the best of each state before the others."""
    return trial["state"] != "complete", -(trial["score"] or 0.0)


def _row(trial: Mapping[str, Any], words: Words) -> list[str]:
    at = {rung["share"]: words.score(rung["score"]) for rung in trial["rungs"]}
    state = trial["state"] if trial["reason"] is None else f"{trial['state']}: {trial['reason']}"
    measures = [f"{trial['measures'][name]:.3g}" if trial["measures"] else "" for name in words.measures]
    return [
        str(trial["number"]),
        *(at.get(share, "") for share in (0.25, 0.5, 1.0)),
        state,
        words.choices(trial["choices"]),
        *measures,
        f"{trial['seconds']:.0f}",
    ]
