"""Two explained items side by side, with matching parts marked by colour and number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from counterpoint.batch import Batch
from counterpoint.modality import Cell, Modality, ShowsCells, ShowsPictures
from counterpoint.reports.thumbnails import data_url, picture

LINKS, SIDE, GAP, BAND = 6, 280, 80, 76
"""Pairs of parts that are drawn; in pixels the side of a picture, the gap between two, the height of a channel."""

APART = 5
"""Pixels between lines of patches in one row, which would cover each other."""

POINTS = 400
"""The most points of a curve."""


class Link(NamedTuple):
    """Two parts that match: one cell of the table."""

    number: int
    a: str
    b: str
    value: float
    margin: float
    clear: bool


class Drawn(NamedTuple):
    """A part as it is drawn: its box, its text, and the numbers of its links, strongest first."""

    left: float
    top: float
    width: float
    height: float
    text: str
    links: Sequence[int]


class Curve(NamedTuple):
    """A channel of a series: its name, its points, and the top of its band."""

    name: str
    points: str
    top: float


class Side(NamedTuple):
    """One of the two items."""

    name: str
    form: str
    """How it is drawn: picture, series, columns or words."""
    parts: Sequence[Drawn]
    url: str = ""
    curves: Sequence[Curve] = ()
    height: float = 0.0


class DrawnPair(NamedTuple):
    """Two explained items as the templates draw them."""

    result: Mapping[str, Any]
    sides: Sequence[Side]
    links: Sequence[Link]
    lines: Sequence[tuple[Link, tuple[float, float, float, float]]]
    """Of images, where the line of each link begins and ends."""
    singles: Sequence[tuple[float, str, str]]
    """The largest main effects, with their part and A or B."""
    side: int = SIDE
    gap: int = GAP


def drawn_pair(result: Mapping[str, Any], modality: Modality, items: tuple[Batch, Batch]) -> DrawnPair:
    """Draw the record of an explanation, with each item in a batch of its own."""
    links = _links(result)
    sides = [_side(result, modality, item, which) for which, item in zip("ab", items, strict=True)]
    lines = []
    if all(side.form == "picture" for side in sides):
        lines = [
            (link, _line(sides[0].parts[row], sides[1].parts[column], APART * (link.number - (LINKS - 1) / 2)))
            for link, (row, column) in zip(links, _cells(result), strict=True)
        ]
    singles = sorted(
        (
            (value, _called(result, which, place), which.upper())
            for which in "ab"
            for place, value in enumerate(result[f"singles_{which}"])
        ),
        reverse=True,
    )
    return DrawnPair(result, sides, links, lines, singles[:LINKS])


def _cells(result: Mapping[str, Any]) -> list[tuple[int, int]]:
    return [(row, column) for row, column in result["strongest"][:LINKS]]


def _links(result: Mapping[str, Any]) -> list[Link]:
    return [
        Link(
            number,
            _called(result, "a", row),
            _called(result, "b", column),
            result["table"][row][column],
            result["margins"][row][column],
            result["clear"][row][column],
        )
        for number, (row, column) in enumerate(_cells(result))
    ]


def _called(result: Mapping[str, Any], which: str, place: int) -> str:
    name, contents = result[f"parts_{which}"][place], result[f"contents_{which}"]
    return f"{name} {contents[place]}" if contents else str(name)


def _side(result: Mapping[str, Any], modality: Modality, item: Batch, which: str) -> Side:
    name, places, count = result[which], result[f"places_{which}"], len(result[f"parts_{which}"])
    of_part: list[list[int]] = [[] for _ in range(count)]
    for number, cell in enumerate(_cells(result)):
        of_part[cell["ab".index(which)]].append(number)
    if isinstance(modality, ShowsPictures):
        boxes = [
            (SIDE * left, SIDE * top, SIDE * (right - left), SIDE * (low - top)) for left, top, right, low in places
        ]
        return Side(
            name,
            "picture",
            [Drawn(*box, "", links) for box, links in zip(boxes, of_part, strict=True)],
            url=_enlarged(modality, item),
        )
    cells: Mapping[str, Cell] = modality.cells(item)[0] if isinstance(modality, ShowsCells) else {}
    if any(not isinstance(each, str) for each in cells.values()):
        return _series(name, cells, places, of_part)
    texts = result[f"contents_{which}"] or result[f"parts_{which}"]
    form = "columns" if cells and result["parts_a"] == result["parts_b"] else "words"
    return Side(name, form, [Drawn(0, 0, 0, 0, text, links) for text, links in zip(texts, of_part, strict=True)])


def _enlarged(modality: ShowsPictures, item: Batch) -> str:
    """The input of the encoder, enlarged without interpolation."""
    assert isinstance(modality, Modality)
    small = picture(modality.seen(modality.inputs(item))[0])
    by = max(1, round(SIDE / max(small.size)))
    return data_url(small.resize((by * small.width, by * small.height), Image.Resampling.NEAREST))


def _series(
    name: str, cells: Mapping[str, Cell], places: Sequence[Sequence[float]], of_part: Sequence[Sequence[int]]
) -> Side:
    curves, steps = [], 1
    for row, (channel, values) in enumerate(cells.items()):
        y = np.asarray(values, dtype=np.float64)  # None becomes NaN
        present, steps = np.flatnonzero(~np.isnan(y)), len(y)
        high, low = (y[present].max(), y[present].min()) if len(present) else (0.0, 0.0)
        shown = present[np.unique(np.linspace(0, len(present) - 1, min(len(present), POINTS)).astype(np.int64))]
        heights = BAND * row + 18 + (BAND - 22) * (high - y[shown]) / (float(high - low) or 1.0)
        points = " ".join(f"{_across(at + 0.5, steps):.1f},{top:.1f}" for at, top in zip(shown, heights, strict=True))
        curves.append(Curve(channel, points, BAND * row))
    together = _together(places, len(cells))
    parts = [
        Drawn(_across(first, steps), BAND * row, _across(end - first, steps), BAND * together, "", links)
        for (row, first, end), links in zip(places, of_part, strict=True)
    ]
    return Side(name, "series", parts, curves=curves, height=BAND * len(cells))


def _together(places: Sequence[Sequence[float]], channels: int) -> float:
    """The number of channels in one part."""
    rows = sorted({each[0] for each in places})
    return rows[1] - rows[0] if len(rows) > 1 else channels


def _across(step: float, steps: int) -> float:
    return 2 * SIDE * float(step) / steps


def _line(a: Drawn, b: Drawn, below: float) -> tuple[float, float, float, float]:
    """From the right edge of one patch to the left edge of the other, a little below or above their middles."""
    return a.left + a.width, a.top + a.height / 2 + below, SIDE + GAP + b.left, b.top + b.height / 2 + below
