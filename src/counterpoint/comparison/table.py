r"""The central type of the package: n anchors compared with m candidates.

Positives, negatives and similarities form one table; training reduces its rows to losses, a queue adds columns to it,
evaluation reads ranks from it. The table is never materialised: a Comparison holds vectors and a rule, and makes dense
tiles of whole rows on demand.

>>> from counterpoint.comparison import cosine, same_item
>>> vectors = torch.eye(4)
>>> pairs = Comparison(vectors, vectors, same_item(torch.tensor([0, 1, 0, 1])), cosine)
>>> tile = pairs.tile(slice(0, 1))
>>> tile.positive.int().tolist(), tile.negative.int().tolist()
([[0, 0, 1, 0]], [[0, 1, 0, 1]])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from counterpoint.comparison.relations import Relation
from counterpoint.comparison.similarity import Inner, Similarity, cosine, dot, wide


class Tile(NamedTuple):
    """Some whole rows of a comparison: b anchors against all m candidates."""

    similarity: Float[Tensor, "b m"]
    positive: Bool[Tensor, "b m"]
    negative: Bool[Tensor, "b m"]


Objective = Callable[[Tile], Float[Tensor, " b"]]
"""Reduces some whole rows of a comparison to one loss per anchor. A pure function: no memory, no networks."""

Sieve = Callable[[Tile, "Comparison"], Tile]
"""Given a tile and the comparison of its rows alone, returns another tile of those rows, possibly a wider one."""


@dataclass(frozen=True)
class Comparison:
    """n anchors (n, d) against m candidates (m, d): vectors and a rule, never an n x m tensor at once."""

    anchors: Float[Tensor, "n d"]
    candidates: Float[Tensor, "m d"]
    relation: Relation
    similarity: Similarity = cosine
    sieve: Sieve | None = None
    """Changes every tile, for negatives that are chosen by their similarity."""

    def lifted(self) -> Comparison:
        """The same comparison in at least 32 bits, and as inner products where its similarity allows it."""
        similarity = self.similarity
        lift, then = (similarity, dot) if isinstance(similarity, Inner) else (dot, similarity)
        anchors = lift.anchors(wide(self.anchors))
        shared = self.candidates is self.anchors and lift.candidates is lift.anchors
        candidates = anchors if shared else lift.candidates(self.candidates.to(anchors.dtype))
        return replace(self, anchors=anchors, candidates=candidates, similarity=then)

    def part(self, rows: slice) -> Comparison:
        """Some of the anchors against all candidates."""
        return replace(self, anchors=self.anchors[rows], relation=self.relation.part(rows))

    def shortened(self, length: int) -> Comparison:
        """The same comparison by the first ``length`` entries of every vector."""
        anchors = self.anchors[:, :length]
        candidates = anchors if self.candidates is self.anchors else self.candidates[:, :length]
        return replace(self, anchors=anchors, candidates=candidates)

    def sifted(self, sieve: Sieve) -> Comparison:
        """The same comparison with one more sieve applied to every tile."""
        return replace(self, sieve=sieve if self.sieve is None else partial(_in_turn, first=self.sieve, then=sieve))

    def tile(self, rows: slice) -> Tile:
        """The dense table for some anchors, in at least 32-bit precision."""
        positive, negative = self.relation.masks(rows)
        anchors = wide(self.anchors[rows])
        with torch.autocast(anchors.device.type, enabled=False):
            alike = self.similarity(anchors, self.candidates.to(anchors.dtype))
        tile = Tile(alike, positive, negative)
        return tile if self.sieve is None else self.sieve(tile, self.part(rows))

    def tiles(self, height: int) -> Iterator[Tile]:
        """All rows, at most ``height`` of them at a time."""
        for start in range(0, len(self.anchors), height):
            yield self.tile(slice(start, min(start + height, len(self.anchors))))


def _in_turn(tile: Tile, part: Comparison, *, first: Sieve, then: Sieve) -> Tile:
    return then(first(tile, part), part)
