"""A map of the items: neighbours in the many directions of the vectors stay neighbours on paper, where they can."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from counterpoint.data.subset import spread
from counterpoint.kinds import Modality
from counterpoint.reports.sample import Sample
from counterpoint.reports.thumbnails import data_url, sheet, thumbnails

MOST, SIDE = 2000, 48
"""Items on a map, and the side of their thumbnails in pixels."""

FEW = 30
"""Below this many items t-SNE has nothing to work with, and the two main directions say more."""

COLOURS, SHAPES = 10, 3
GROUPS = COLOURS * SHAPES
"""Groups that can be told apart; the others share the last one."""


@dataclass(frozen=True)
class Group:
    """An entry of the legend: its colour and shape by number, and a picture of its middle where there is one."""

    name: str
    count: int
    colour: int
    shape: int
    url: str


@dataclass(frozen=True)
class Map:
    """What the page draws: ``data`` for its script, the sheet of thumbnails, the legend."""

    how: str
    data: dict[str, Any]
    url: str
    groups: Sequence[Group]
    by: str


def draw_map(modality: Modality | None, sample: Sample) -> Map | None:
    """A map of at most 2,000 items, without pictures where their kind is not known; or None without any."""
    rows = spread(len(sample.vectors), MOST)
    if len(rows) == 0:
        return None
    place, how = flattened(sample.vectors[rows])
    names, number = _grouped(sample, rows)
    pictures = thumbnails(modality, sample.items, rows, side=SIDE)
    whole, columns = sheet(pictures) if pictures else (None, 1)
    data = {
        "places": np.round(_framed(place), 4).tolist(),
        "groups": number.tolist(),
        "names": [sample.names[row] for row in rows],
        "labels": names,
        "columns": columns,
        "tile": list(pictures[0].size) if pictures else None,
    }
    counts = np.bincount(number, minlength=len(names))
    urls = _middles(modality, sample) if sample.labels is None else [""] * len(names)
    groups = [
        Group(name, int(count), each % COLOURS, each // COLOURS, url)
        for each, (name, count, url) in enumerate(zip(names, counts, urls, strict=True))
    ]
    return Map(how, data, data_url(whole) if whole else "", groups, "cluster" if sample.labels is None else "label")


def flattened(vectors: Float32[np.ndarray, "n d"]) -> tuple[Float32[np.ndarray, "n 2"], str]:
    """Places (n, 2) on a map and the name of what made them: t-SNE, or PCA where items are few or all the same."""
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


def _framed(place: Float32[np.ndarray, "n 2"]) -> Float32[np.ndarray, "n 2"]:
    """The same places between 0 and 1, not distorted, in the middle."""
    low, high = place.min(axis=0), place.max(axis=0)
    size = max(float((high - low).max()), 1e-12)
    return (place - (low + high) / 2) / size + 0.5  # type: ignore[no-any-return]


def _grouped(sample: Sample, rows: Int64[np.ndarray, " n"]) -> tuple[list[str], Int64[np.ndarray, " n"]]:
    """The names of the groups and the number of each item's group."""
    if sample.labels is None:
        return [f"Cluster {number + 1}" for number in range(len(sample.middle))], sample.cluster[rows]
    labels = [sample.labels[row] for row in rows]
    names = [name for name, _ in Counter(labels).most_common()]
    if len(names) > GROUPS:
        names = [*names[: GROUPS - 1], f"{len(names) - GROUPS + 1} more labels"]
    else:
        names.sort()
    known = {name: number for number, name in enumerate(names)}
    return names, np.asarray([known.get(label, GROUPS - 1) for label in labels], dtype=np.int64)


def _middles(modality: Modality | None, sample: Sample) -> list[str]:
    pictures = thumbnails(modality, sample.items, sample.middle, side=SIDE)
    return [data_url(each) for each in pictures] or [""] * len(sample.middle)
