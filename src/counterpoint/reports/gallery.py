"""Items beside the items most alike to them: one from the middle of every cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from counterpoint.kinds import Modality
from counterpoint.reports.sample import Sample
from counterpoint.reports.thumbnails import data_url, thumbnails

NEIGHBOURS = 7
SIDE = 112
"""Of a picture, in pixels."""


@dataclass(frozen=True)
class Card:
    """An item as it is shown; ``url`` is empty without a picture, ``similarity`` None for the one asked about."""

    name: str
    label: str
    url: str
    pixels: bool
    """Whether the picture is so small that its pixels are shown as they are."""
    similarity: float | None
    agrees: bool
    """Whether it has the label of the one asked about."""


@dataclass(frozen=True)
class Shelf:
    """An item asked about, its neighbours, the most alike first, and how many of them share its label."""

    asked: Card
    neighbours: Sequence[Card]
    agreeing: int


def gallery(modality: Modality, sample: Sample) -> list[Shelf]:
    """One shelf for every cluster, the largest first."""
    if len(sample.vectors) < 2:
        return []
    return [_shelf(modality, sample, int(row)) for row in sample.middle]


def _shelf(modality: Modality, sample: Sample, row: int) -> Shelf:
    alike = sample.vectors @ sample.vectors[row]
    others = np.argsort(-alike, kind="stable")
    others = others[others != row][:NEIGHBOURS]
    rows = [row, *others.tolist()]
    pictures = thumbnails(modality, sample.items, np.asarray(rows, dtype=np.int64), side=SIDE)
    urls = [data_url(each) for each in pictures] or [""] * len(rows)
    cards = [
        Card(
            name=sample.names[each],
            label="" if sample.labels is None else sample.labels[each],
            url=url,
            pixels=bool(pictures) and max(pictures[0].size) <= 64,
            similarity=None if each == row else float(alike[each]),
            agrees=sample.labels is None or sample.labels[each] == sample.labels[row],
        )
        for each, url in zip(rows, urls, strict=True)
    ]
    return Shelf(cards[0], cards[1:], sum(card.agrees for card in cards[1:]))
