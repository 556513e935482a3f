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

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional

Similarity = Callable[[Float[Tensor, "b d"], Float[Tensor, "m d"]], Float[Tensor, "b m"]]
Lift = Callable[[Float[Tensor, "n d"]], Float[Tensor, "n e"]]


class Tile(NamedTuple):
    """Some whole rows of a comparison: b anchors against all m candidates."""

    similarity: Float[Tensor, "b m"]
    positive: Bool[Tensor, "b m"]
    negative: Bool[Tensor, "b m"]


Sieve = Callable[[Tile, "Comparison"], Tile]
"""Given a tile and the comparison of its rows alone, returns another tile of those rows, perhaps a wider one."""


@dataclass(frozen=True)
class Inner:
    """A similarity that is the inner product of lifted vectors, s(a, c) = <f(a), g(c)>; then tiles are products."""

    anchors: Lift
    candidates: Lift

    def __call__(self, anchors: Float[Tensor, "b d"], candidates: Float[Tensor, "m d"]) -> Float[Tensor, "b m"]:
        return self.anchors(anchors) @ self.candidates(candidates).T


def unit(vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """The vectors at length 1."""
    return functional.normalize(vectors, dim=1)


def wide(vectors: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The vectors in at least 32 bits, in which they are compared whatever they were made in."""
    return vectors.to(torch.promote_types(vectors.dtype, torch.float32))


def _same(vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    return vectors


def _with_length(vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]:
    """[2a, -|a|^2, -1]: an anchor, ready for ``_with_square``."""
    return torch.cat([2 * vectors, -vectors.square().sum(1, True), -torch.ones_like(vectors[:, :1])], dim=1)


def _with_square(vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]:
    """[c, 1, |c|^2], so that the inner product with [2a, -|a|^2, -1] is -|a - c|^2."""
    return torch.cat([vectors, torch.ones_like(vectors[:, :1]), vectors.square().sum(1, True)], dim=1)


cosine = Inner(unit, unit)
"""The cosine of the angle between vectors, in [-1, 1]."""

dot = Inner(_same, _same)
"""The inner product: length counts."""

euclidean = Inner(_with_length, _with_square)
"""Minus the squared Euclidean distance: 0 for equal vectors, else negative.

It is the difference of numbers as large as |a|^2, and so exact to about 1e-7 |a|^2 in 32 bits: where vectors lie far
from the origin, subtract their mean from all of them first.
"""


class Few(NamedTuple):
    """A relation in which nearly every candidate is a negative, told by the few that are not."""

    positive: tuple[Int64[Tensor, " p"], Int64[Tensor, " p"]]
    """Anchors and candidates of the positive pairs."""
    left_out: tuple[Int64[Tensor, " q"], Int64[Tensor, " q"]]
    """The same of the other pairs that are no negatives; those outside ``negatives`` go without saying."""
    negatives: slice
    """The candidates among which all negatives are."""


class Relation(ABC):
    """Who is positive and who is negative to whom."""

    @abstractmethod
    def masks(self, rows: slice) -> tuple[Bool[Tensor, "b m"], Bool[Tensor, "b m"]]:
        """Positives and negatives of some anchors."""

    @abstractmethod
    def part(self, rows: slice) -> Relation:
        """The same for these anchors only."""

    @abstractmethod
    def few(self) -> Few | None:
        """The pairs that are no negatives, or None where there are many of them."""

    @abstractmethod
    def items(self) -> tuple[Int64[Tensor, " n"], Int64[Tensor, " m"]]:
        """The item of every anchor and of every candidate; negative numbers where nobody knows."""


MANY = 8
"""Candidates of its own item that an anchor may have on average before they are no longer listed one by one."""


@dataclass(frozen=True)
class SameItem(Relation):
    """Rows of one item are positives, rows of different items negatives."""

    anchor: Int64[Tensor, " n"]
    candidate: Int64[Tensor, " m"]
    first: int | None = None
    """Where the anchors themselves begin among the candidates, if they are among them: none is compared with itself."""

    def masks(self, rows: slice) -> tuple[Bool[Tensor, "b m"], Bool[Tensor, "b m"]]:
        same = self.anchor[rows, None] == self.candidate[None, :]
        negative = ~same
        if self.first is not None:
            place = torch.arange(len(self.anchor), device=same.device)[rows, None] + self.first
            same[torch.arange(len(same), device=same.device)[:, None], place] = False
        return same, negative

    def part(self, rows: slice) -> SameItem:
        start, _, _ = rows.indices(len(self.anchor))
        return SameItem(self.anchor[rows], self.candidate, None if self.first is None else self.first + start)

    def items(self) -> tuple[Int64[Tensor, " n"], Int64[Tensor, " m"]]:
        return self.anchor, self.candidate

    def few(self) -> Few | None:
        known, order = torch.sort(self.candidate, stable=True)
        low, high = torch.searchsorted(known, self.anchor), torch.searchsorted(known, self.anchor, right=True)
        count = high - low
        pairs = int(count.sum())
        if pairs > MANY * len(self.anchor):
            return None
        row = torch.repeat_interleave(count)
        turn = torch.arange(pairs, device=row.device) - (count.cumsum(0) - count)[row]
        column = order[low[row] + turn]
        everyone = slice(0, len(self.candidate))
        if self.first is None:
            return Few((row, column), (row[:0], column[:0]), everyone)
        itself = column == row + self.first
        return Few((row[~itself], column[~itself]), (row[itself], column[itself]), everyone)


def same_item(anchor: Int64[Tensor, " n"], candidate: Int64[Tensor, " m"] | None = None) -> SameItem:
    """Rows of one item are positives, all other rows negatives.

    Without ``candidate`` the anchors are compared among themselves and a row is never compared with itself.
    """
    return SameItem(anchor, anchor, 0) if candidate is None else SameItem(anchor, candidate)


@dataclass(frozen=True)
class Comparison:
    """n anchors (n, d) against m candidates (m, d): vectors and a rule, never an n x m tensor at once."""

    anchors: Float[Tensor, "n d"]
    candidates: Float[Tensor, "m d"]
    relation: Relation
    similarity: Similarity = cosine
    sieve: Sieve | None = None
    """Changes every tile, for choices that depend on how alike vectors are."""

    def lifted(self) -> Comparison:
        """The same comparison in at least 32 bits, and as inner products where its similarity is one."""
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
        """The same comparison by the first so many numbers of every vector."""
        anchors = self.anchors[:, :length]
        candidates = anchors if self.candidates is self.anchors else self.candidates[:, :length]
        return replace(self, anchors=anchors, candidates=candidates)

    def sifted(self, sieve: Sieve) -> Comparison:
        """The same comparison, every tile of which goes through one more sieve."""
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
