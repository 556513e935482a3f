"""The page of ``lab``: every augmentation with its figures and a few views, and one plot of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from counterpoint import __version__
from counterpoint.data.subset import Subset, spread
from counterpoint.interfaces import Items, Keys
from counterpoint.modality import Modality, ShowsPictures, augmentation_of
from counterpoint.reports.charts import Tick, ticks
from counterpoint.reports.template import template
from counterpoint.reports.thumbnails import data_url, picture
from counterpoint.storage.files import write_text

SHOWN = 5
"""Items on a strip, two views of each."""

SIDE, GAP, BETWEEN = 56, 2, 12
"""Side of a view on a strip, in pixels; gaps between the two views of an item, and between items."""

WIDTH, HEIGHT, LEFT, BOTTOM = 700, 340, 64, 296
"""The canvas of the plot, and the position of its axes."""

LETTER = 6.4
"""Width of a letter of a name in the plot, in pixels."""

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Dot:
    """An augmentation in the plot, and the position of its name."""

    x: float
    y: float
    kind: str
    name: str
    label: tuple[float, float, str] | None = None
    """The position of the name, and its anchor; None where it would cover another."""


@dataclass(frozen=True)
class Plot:
    """Recognised items, on the x axis, against damage or similarity, on the y axis."""

    dots: Sequence[Dot]
    across: Sequence[Tick]
    up: Sequence[Tick]
    name: str
    """The title of the y axis."""


def write_lab(folder: Path, result: Mapping[str, Any], strips: Sequence[str], items: str) -> Path:
    """Write ``report.html`` into the folder and return its path; the strips are data URLs, empty where none is."""
    drawn = template("lab").render(
        name=folder.name,
        result=result,
        rows=[
            (row, cells(row), "; ".join(row["remarks"]).replace("(-", f"({MINUS}"), url)
            for row, url in zip(result["looks"], strips, strict=True)
        ],
        strip=items,
        plot=plot(result["looks"]),
        sizes={"width": WIDTH, "height": HEIGHT, "left": LEFT, "bottom": BOTTOM},
        machine={"counterpoint": __version__, **result["machine"]},
    )
    write_text(folder / "report.html", drawn)
    return folder / "report.html"


def cells(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The cells of an augmentation in the table, with notes in small print."""
    damage = row["damage"]
    figures = [
        (_short(row["similarity"]), f"others {_short(row['apart'])}"),
        (_short(row["raw"]["similarity"]), f"others {_short(row['raw']['apart'])}"),
        (
            f"{row['accuracy']['value']:.1%}",
            f"{100 * row['accuracy']['low']:.1f} to {100 * row['accuracy']['high']:.1f}",
        ),
    ]
    if damage is not None:
        figures.append((_points(damage["value"]), f"{_points(damage['low'])} to {_points(damage['high'])}"))
    return [*figures, ("" if row["change"] is None else f"{row['change']:.2f}", "")]


def plot(augmentations: Sequence[Mapping[str, Any]]) -> Plot:
    """The position of every augmentation: accuracy on the x axis; damage on y, or similarity without labels."""
    damaged = augmentations[0]["damage"] is not None
    heights = [100 * row["damage"]["value"] if damaged else row["similarity"] for row in augmentations]
    up = ticks(min(heights), max([*heights, 0.0] if damaged else heights), 6)
    across = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    right = WIDTH - 16

    def place(value: float, axis: Sequence[float], start: float, end: float) -> float:
        return start + (value - axis[0]) / (axis[-1] - axis[0]) * (end - start)

    dots = [
        Dot(
            place(row["accuracy"]["value"], across, LEFT, right),
            place(height, up, BOTTOM, 14),
            row["kind"],
            row["name"],
        )
        for row, height in zip(augmentations, heights, strict=True)
    ]
    for place_of, dot in enumerate(dots):  # the full augmentation comes first, so that its name has room
        dots[place_of] = replace(dot, label=_free(dot, dots))
    text = (lambda value: f"{value:+g}".replace("-", MINUS).replace("+0", "0")) if damaged else _short
    return Plot(
        dots,
        [Tick(place(each, across, LEFT, right), f"{100 * each:.0f}%") for each in across],
        [Tick(place(each, up, BOTTOM, 14), text(each)) for each in up],
        "damage, in points" if damaged else "similarity of two views of an item",
    )


def _free(dot: Dot, dots: Sequence[Dot]) -> tuple[float, float, str] | None:
    """A position for a name beside its dot, where it covers neither the edge, nor a dot, nor another name."""
    wide = LETTER * len(dot.name)
    for anchor, left in (("start", dot.x + 9), ("end", dot.x - 9 - wide)):
        for down in (4, -9, 19):
            inside = left >= LEFT and left + wide <= WIDTH
            if inside and all(_clear(left, dot.y + down, wide, each) for each in dots if each is not dot):
                return (left if anchor == "start" else left + wide), dot.y + down, anchor
    return None


def _clear(left: float, baseline: float, wide: float, dot: Dot) -> bool:
    """Whether a name covers neither a dot nor its name."""
    if left - 6 < dot.x < left + wide + 6 and baseline - 15 < dot.y < baseline + 6:
        return False
    if dot.label is None:
        return True
    other, height, anchor = dot.label
    reach = LETTER * len(dot.name)
    other -= reach if anchor == "end" else 0
    return abs(height - baseline) > 12 or other > left + wide or other + reach < left


def strip(modality: Modality, items: Items, *, seed: int | None) -> str:
    """Two views each of a few items as a data URL, or without a seed the items; empty where there are no pictures."""
    rows = spread(len(items), SHOWN)
    batch = Subset(items, rows).take(np.arange(len(rows)))
    if not isinstance(modality, ShowsPictures):
        return ""
    if seed is None:
        return data_url(_laid([modality.picture(batch)]))
    item, augmentation = torch.from_numpy(rows), augmentation_of(modality)
    keys = [Keys(seed=seed, epoch=0, step=0, view=view, item=item) for view in (0, 1)]
    return data_url(_laid([modality.seen(augmentation(batch, each)) for each in keys]))


def _laid(columns: Sequence[Tensor]) -> Image.Image:
    """Pictures (n, 3, h, w) of each view side by side, those of one item together, on a transparent background."""
    step = len(columns) * (SIDE + GAP) - GAP + BETWEEN
    paper = Image.new("RGBA", (len(columns[0]) * step - BETWEEN, SIDE), (0, 0, 0, 0))
    for view, column in enumerate(columns):
        for number, each in enumerate(column):
            small = picture(each)
            resampling = Image.Resampling.NEAREST if max(small.size) <= SIDE else Image.Resampling.LANCZOS
            paper.paste(small.resize((SIDE, SIDE), resampling), (number * step + view * (SIDE + GAP), 0))
    return paper


def _short(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".replace("-", MINUS)


def _points(value: float) -> str:
    return f"{round(100 * value, 1) + 0.0:+.1f}".replace("-", MINUS)
