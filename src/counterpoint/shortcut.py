"""Ways past the table: an objective that needs only row sums says so, and is then computed from blocks.

An objective is a function of a ``Tile``, which is enough for every one of them. One whose loss follows from the
log-sum-exp over an anchor's negatives and from its few positives can name a second function, of a ``Whole``, that
gives the same numbers. The tests hold the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from counterpoint.comparison import Comparison, Few, dot
from counterpoint.fused import Pairs, log_sum_exp

Scale = float | Float[Tensor, ""]
Shortcut = Callable[..., Float[Tensor, " n"]]
OfTiles = TypeVar("OfTiles", bound=Callable[..., Tensor])

_shortcuts: dict[Callable[..., Tensor], Shortcut] = {}


@dataclass(frozen=True)
class Whole:
    """All rows of a comparison of inner products in which nearly every candidate is a negative."""

    comparison: Comparison
    few: Few

    def negatives(self, temperature: Scale) -> Float[Tensor, " n"]:
        """The log of the sum of e^{s/t} over the negatives of every anchor; minus infinity without negatives."""
        anchors, candidates, few = self.comparison.anchors, self.comparison.candidates, self.few
        blank = tuple(torch.cat(pair) for pair in zip(few.positive, few.left_out, strict=True))
        if candidates is anchors:
            z = anchors / temperature**0.5
            return log_sum_exp(z, z, (blank[0], blank[1]))
        return log_sum_exp(anchors / temperature, candidates[few.negatives], _inside(blank, few.negatives))

    def positives(self, temperature: Scale) -> tuple[Int64[Tensor, " p"], Float[Tensor, " p"]]:
        """The anchor of every positive pair, and how alike the pair is over the temperature."""
        anchor, candidate = self.few.positive
        first = self.comparison.anchors.index_select(0, anchor)
        second = self.comparison.candidates.index_select(0, candidate)
        return anchor, (first * second).sum(dim=1) / temperature

    def mean(self, anchor: Int64[Tensor, " p"], values: Float[Tensor, " p"]) -> Float[Tensor, " n"]:
        """The mean over the positive pairs of every anchor; 0 where there are none."""
        count = len(self.comparison.anchors)
        total = values.new_zeros(count).index_add(0, anchor, values)
        return total / torch.bincount(anchor, minlength=count).clamp(min=1)


def has_shortcut(shortcut: Shortcut) -> Callable[[OfTiles], OfTiles]:
    """Say of an objective that ``shortcut``, given a ``Whole`` and the same options, returns the same losses."""

    def remember(objective: OfTiles) -> OfTiles:
        _shortcuts[objective] = shortcut
        return objective

    return remember


def by_shortcut(comparison: Comparison, objective: Callable[..., Tensor]) -> Float[Tensor, " n"] | None:
    """One loss per anchor of a lifted comparison, or None where only tiles will do."""
    formula, options = objective, dict[str, object]()
    if isinstance(objective, partial) and not objective.args:
        formula, options = objective.func, objective.keywords
    shortcut = _shortcuts.get(formula) if comparison.similarity is dot else None
    few = comparison.relation.few() if shortcut is not None else None
    if shortcut is None or few is None:
        return None
    return shortcut(Whole(comparison, few), **options)


def _inside(pairs: tuple[Tensor, ...], columns: slice) -> Pairs:
    """The pairs whose candidate lies among these columns, numbered from the first of them."""
    inside = (pairs[1] >= columns.start) & (pairs[1] < columns.stop)
    return pairs[0][inside], pairs[1][inside] - columns.start
