r"""The noun of the whole package: n anchors against m candidates.

Who belongs together (positive), who is told apart (negative) and how alike they look is one table; training reduces
its rows to losses, a queue adds columns to it, evaluation reads ranks from it. The table is never built: a Comparison
holds vectors and a rule, and gives dense tiles of some whole rows on demand.

>>> vectors = torch.eye(4)
>>> pairs = Comparison(vectors, vectors, same_item(torch.tensor([0, 1, 0, 1])), cosine)
>>> tile = pairs.tile(slice(0, 1))
>>> tile.positive.int().tolist(), tile.negative.int().tolist()
([[0, 0, 1, 0]], [[0, 1, 0, 1]])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional

Similarity = Callable[[Float[Tensor, "b d"], Float[Tensor, "m d"]], Float[Tensor, "b m"]]
Relation = Callable[[slice], tuple[Bool[Tensor, "b m"], Bool[Tensor, "b m"]]]


class Tile(NamedTuple):
    """Some whole rows of a comparison: b anchors against all m candidates."""

    similarity: Float[Tensor, "b m"]
    positive: Bool[Tensor, "b m"]
    negative: Bool[Tensor, "b m"]


def cosine(anchors: Float[Tensor, "b d"], candidates: Float[Tensor, "m d"]) -> Float[Tensor, "b m"]:
    """The cosine of the angle between vectors, in [-1, 1]."""
    return functional.normalize(anchors, dim=1) @ functional.normalize(candidates, dim=1).T


def dot(anchors: Float[Tensor, "b d"], candidates: Float[Tensor, "m d"]) -> Float[Tensor, "b m"]:
    """The inner product: length counts."""
    return anchors @ candidates.T


def euclidean(anchors: Float[Tensor, "b d"], candidates: Float[Tensor, "m d"]) -> Float[Tensor, "b m"]:
    """Minus the squared Euclidean distance: 0 for equal vectors, else negative."""
    lengths = anchors.square().sum(dim=1)[:, None] + candidates.square().sum(dim=1)[None, :]
    return 2 * anchors @ candidates.T - lengths


def same_item(anchor: Int64[Tensor, " n"], candidate: Int64[Tensor, " m"] | None = None) -> Relation:
    """Rows of one item are positives, all other rows negatives.

    Without ``candidate`` the anchors are compared among themselves and a row is never compared with itself.
    """
    other = anchor if candidate is None else candidate

    def relate(rows: slice) -> tuple[Tensor, Tensor]:
        positive = anchor[rows, None] == other[None, :]
        negative = ~positive
        if candidate is None:
            row = torch.arange(len(anchor), device=anchor.device)
            positive = positive & (row[rows, None] != row[None, :])
        return positive, negative

    return relate


@dataclass(frozen=True)
class Comparison:
    """n anchors (n, d) against m candidates (m, d): vectors and a rule, never an n x m tensor at once."""

    anchors: Float[Tensor, "n d"]
    candidates: Float[Tensor, "m d"]
    relation: Relation
    similarity: Similarity = cosine

    def tile(self, rows: slice) -> Tile:
        """The dense table for some anchors, in at least 32-bit precision."""
        wide = torch.promote_types(self.anchors.dtype, torch.float32)
        positive, negative = self.relation(rows)
        with torch.autocast(self.anchors.device.type, enabled=False):
            alike = self.similarity(self.anchors[rows].to(wide), self.candidates.to(wide))
        return Tile(alike, positive, negative)

    def tiles(self, height: int) -> Iterator[Tile]:
        """All rows, at most ``height`` of them at a time."""
        for start in range(0, len(self.anchors), height):
            yield self.tile(slice(start, min(start + height, len(self.anchors))))
