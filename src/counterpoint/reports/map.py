"""A map of the items in two dimensions, in which neighbours by their vectors stay neighbours where possible."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Int64

from counterpoint.data.subset import spread
from counterpoint.modality import Modality
from counterpoint.reports.sample import Sample
from counterpoint.reports.thumbnails import data_url, sheet, thumbnails

MOST, SIDE = 2000, 48
"""Items on a map, and the side of their thumbnails in pixels."""

FEW = 30
"""The fewest items for t-SNE; below that the two principal components are more informative."""

COLOURS = 10
"""Groups with a colour: the most frequent labels. The others share a pale grey."""

PLANE, FRAME = 1000, 35
"""The side of the drawing, and its margin."""

APART = 46.0
"""Distance between the numbers of two groups on the drawing, so that both can be read."""


class Mark(NamedTuple):
    """The position of a group's number on the drawing."""

    x: int
    y: int


@dataclass(frozen=True)
class Group:
    """An entry of the legend, the dots of its items as an SVG path, and a picture from its middle where there is one.

    ``others`` says that it stands for many labels; ``mark`` is None where its number would cover another.
    """

    name: str
    count: int
    others: bool
    dots: str
    mark: Mark | None
    url: str


@dataclass(frozen=True)
class Map:
    """What the page draws: the groups; ``data`` for its script; the sheet of thumbnails; its height, a dot's width."""

    how: str
    data: dict[str, Any]
    url: str
    groups: Sequence[Group]
    by: str
    tall: int
    dot: float


def draw_map(modality: Modality | None, sample: Sample) -> Map | None:
    """A map of at most 2,000 items, without pictures where the modality has none; None without a map."""
    rows = spread(len(sample.vectors), MOST)
    if len(rows) == 0:
        return None
    flat, how = flattened(sample.vectors[rows])
    places, tall = _drawn(flat)
    names, number = _grouped(sample, rows)
    pictures = thumbnails(modality, sample.items, rows, side=SIDE)
    image, columns = sheet(pictures) if pictures else (None, 1)
    data = {
        "places": places.tolist(),
        "groups": number.tolist(),
        "names": [sample.names[row] for row in rows],
        "labels": names,
        "columns": columns,
        "tile": list(pictures[0].size) if pictures else None,
    }
    urls = _middles(modality, sample) if sample.labels is None else [""] * len(names)
    members = [places[number == each] for each in range(len(names))]
    marks = apart([each for each in members[:COLOURS] if len(each)])
    groups = [
        Group(
            name,
            len(members[each]),
            each >= COLOURS,
            "".join(f"M{x} {y}h0" for x, y in members[each].tolist()),
            marks.pop(0) if each < COLOURS and len(members[each]) else None,
            urls[each],
        )
        for each, name in enumerate(names)
    ]
    by = "cluster" if sample.labels is None else "label"
    dot = 14 * min(1.4, max(0.75, (600 / len(rows)) ** 0.5))
    return Map(how, data, data_url(image) if image else "", groups, by, tall, dot)


def apart(members: Sequence[Int64[np.ndarray, "_ 2"]]) -> list[Mark | None]:
    """A position for the number of each group: the item nearest to its median that is clear of other numbers.

    >>> line = np.array([[0, 0], [100, 0], [200, 0]])
    >>> apart([line, line])
    [Mark(x=100, y=0), Mark(x=0, y=0)]
    >>> apart([line[:1], line[:1]])
    [Mark(x=0, y=0), None]
    """
    marks: list[Mark | None] = []
    for places in members:
        taken = np.array([mark for mark in marks if mark is not None]).reshape(-1, 2)
        clear = (np.linalg.norm(places[:, None] - taken, axis=2) >= APART).all(axis=1)
        away = np.where(clear, np.linalg.norm(places - np.median(places, axis=0), axis=1), np.inf)
        marks.append(Mark(*places[away.argmin()].tolist()) if clear.any() else None)
    return marks


def flattened(vectors: Float32[np.ndarray, "n d"]) -> tuple[Float32[np.ndarray, "n 2"], str]:
    """Positions (n, 2) on a map and the method that made them: t-SNE, or PCA where items are few or all the same."""
    from sklearn.manifold import TSNE

    centred = vectors - vectors.mean(axis=0)
    if len(vectors) < FEW or np.abs(centred).max() < 1e-6:
        left, strengths, _ = np.linalg.svd(centred, full_matrices=False)
        place = np.zeros((len(vectors), 2), dtype=np.float32)
        count = min(2, len(strengths))
        place[:, :count] = left[:, :count] * strengths[:count]
        return place, "PCA"
    spread_out = TSNE(2, init="pca", perplexity=min(30.0, len(vectors) / 4), random_state=0)
    return spread_out.fit_transform(vectors).astype(np.float32), "t-SNE"


def _drawn(flat: Float32[np.ndarray, "n 2"]) -> tuple[Int64[np.ndarray, "n 2"], int]:
    """The positions scaled to the drawing, not distorted, centred; and its height, at least half its width."""
    low, high = flat.min(axis=0), flat.max(axis=0)
    scale = (PLANE - 2 * FRAME) / max(float((high - low).max()), 1e-12)
    tall = max(PLANE // 2, math.ceil(float(high[1] - low[1]) * scale) + 2 * FRAME)
    return np.rint((flat - (low + high) / 2) * scale + (PLANE / 2, tall / 2)).astype(np.int64), tall


def _grouped(sample: Sample, rows: Int64[np.ndarray, " n"]) -> tuple[list[str], Int64[np.ndarray, " n"]]:
    """The names of the groups and the number of each item's group."""
    if sample.labels is None:
        return [f"Cluster {number + 1}" for number in range(len(sample.middle))], sample.cluster[rows]
    labels = [sample.labels[row] for row in rows]
    counts = Counter(labels)
    names = sorted(counts, key=lambda name: (-counts[name], name))
    if len(names) > COLOURS:
        names = [*names[:COLOURS], f"{len(names) - COLOURS} more labels"]
    else:
        names.sort()
    colour_of = {name: number for number, name in enumerate(names[:COLOURS])}
    return names, np.asarray([colour_of.get(label, COLOURS) for label in labels], dtype=np.int64)


def _middles(modality: Modality | None, sample: Sample) -> list[str]:
    pictures = thumbnails(modality, sample.items, sample.middle, side=SIDE)
    return [data_url(each) for each in pictures] or [""] * len(sample.middle)
