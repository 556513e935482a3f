"""Items beside their nearest neighbours: one from the middle of every cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from counterpoint.modality import Modality
from counterpoint.reports.columns import Columns, columns
from counterpoint.reports.sample import Sample
from counterpoint.reports.thumbnails import Thumbnail, shown

NEIGHBOURS = 7
SIDE = 224
"""Side of a picture in pixels: twice that on the page, for high-resolution screens."""


@dataclass(frozen=True)
class Card:
    """An item as it is shown; ``similarity`` is None for the query."""

    name: str
    label: str
    picture: Thumbnail
    similarity: float | None
    agrees: bool
    """Whether it has the label of the query."""


@dataclass(frozen=True)
class Shelf:
    """An item, its neighbours, the most similar first, how many of them share its label, and the contents of all."""

    query: Card
    neighbours: Sequence[Card]
    agreeing: int
    columns: Columns


def gallery(modality: Modality, sample: Sample) -> list[Shelf]:
    """One row for every cluster, the largest first."""
    if len(sample.vectors) < 2:
        return []
    return [_shelf(modality, sample, int(row)) for row in sample.middle]


def _shelf(modality: Modality, sample: Sample, row: int) -> Shelf:
    alike = sample.vectors @ sample.vectors[row]
    others = np.argsort(-alike, kind="stable")
    others = others[others != row][:NEIGHBOURS]
    rows = np.array([row, *others])
    cards = [
        Card(
            name=sample.names[each],
            label="" if sample.labels is None else sample.labels[each],
            picture=picture,
            similarity=None if each == row else float(alike[each]),
            agrees=sample.labels is None or sample.labels[each] == sample.labels[row],
        )
        for each, picture in zip(rows.tolist(), shown(modality, sample.items, rows, side=SIDE), strict=True)
    ]
    return Shelf(cards[0], cards[1:], sum(card.agrees for card in cards[1:]), columns(modality, sample.items, rows))
