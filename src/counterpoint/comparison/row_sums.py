"""Shortcuts around the table: an objective that needs only sums over rows is computed blockwise.

An objective is a function of a ``Tile``, which suffices for every objective. One whose loss follows from the
log-sum-exp over an anchor's candidates can name a second function, of a ``RowSums``, that returns the same losses, or
None where it cannot. The tests compare the two.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from counterpoint.comparison.fused import Pairs, log_sum_exp
from counterpoint.comparison.relations import SameItem, SparsePairs
from counterpoint.comparison.similarity import dot
from counterpoint.comparison.table import Comparison

Scale = float | Float[Tensor, ""]
Shortcut = Callable[..., Float[Tensor, " n"] | None]
OfTiles = TypeVar("OfTiles", bound=Callable[..., Tensor])


@runtime_checkable
class ChangingTemperature(Protocol):
    """An objective whose temperature changes during a run."""

    def formula(self) -> partial[Tensor]:
        """The objective at its current temperature."""
        ...


_shortcuts: dict[Callable[..., Tensor], Shortcut] = {}


@dataclass(frozen=True)
class RowSums:
    """All rows of a comparison of inner products, accessed through sums over each row."""

    comparison: Comparison

    @property
    def sparse(self) -> SparsePairs | None:
        """The pairs that are not negatives, where they are few."""
        return self.comparison.relation.sparse()

    @property
    def groups(self) -> SameItem | None:
        """The relation, where all candidates with the anchor's id are positives and all others negatives."""
        relation = self.comparison.relation
        return relation if isinstance(relation, SameItem) else None

    def negatives(self, sparse: SparsePairs, temperature: Scale) -> Float[Tensor, " n"]:
        """The log of the sum of e^{s/t} over the negatives of every anchor; minus infinity without negatives."""
        return self._all_but(_no_negatives(sparse), sparse.negatives, temperature)

    def negative_count(self, sparse: SparsePairs) -> Float[Tensor, " n"]:
        """How many negatives every anchor has."""
        anchors = self.comparison.anchors
        blank, _ = _inside(_no_negatives(sparse), sparse.negatives)
        everyone = len(self.comparison.candidates[sparse.negatives])
        return (everyone - torch.bincount(blank, minlength=len(anchors))).to(anchors.dtype)

    def negative_squares(self, sparse: SparsePairs) -> Float[Tensor, " n"]:
        """The sum of s^2 over the negatives of every anchor: a C^T C a over all candidates C, minus the few others."""
        anchors, candidates = self.comparison.anchors, self.comparison.candidates[sparse.negatives]
        row, column = _inside(_no_negatives(sparse), sparse.negatives)
        others = (anchors.index_select(0, row) * candidates.index_select(0, column)).sum(dim=1).square()
        everyone = (anchors @ (candidates.T @ candidates) * anchors).sum(dim=1)
        return everyone.index_add(0, row, -others)

    def compared(self, groups: SameItem, temperature: Scale) -> Float[Tensor, " n"]:
        """The log-sum-exp over all candidates except the anchor itself."""
        anchor = torch.arange(len(groups.anchor) if groups.first is not None else 0, device=groups.anchor.device)
        return self._all_but((anchor, anchor + (groups.first or 0)), slice(0, len(groups.candidate)), temperature)

    def _all_but(self, blank: Pairs, columns: slice, temperature: Scale) -> Float[Tensor, " n"]:
        anchors, candidates = self.comparison.anchors, self.comparison.candidates
        if candidates is anchors and self._mirrored:
            z = anchors / temperature**0.5
            return log_sum_exp(z, z, blank)
        return log_sum_exp(anchors / temperature, candidates[columns], _inside(blank, columns))

    @property
    def _mirrored(self) -> bool:
        """Whether the relation of anchors among themselves is symmetric, so that half of the table suffices."""
        groups = self.groups
        return groups is not None and groups.first == 0 and groups.anchor is groups.candidate

    def positives(self, sparse: SparsePairs, temperature: Scale) -> tuple[Int64[Tensor, " p"], Float[Tensor, " p"]]:
        """The anchor of every positive pair, and the pair's similarity over the temperature."""
        anchor, candidate = sparse.positive
        first = self.comparison.anchors.index_select(0, anchor)
        second = self.comparison.candidates.index_select(0, candidate)
        return anchor, (first * second).sum(dim=1) / temperature

    def mean(self, anchor: Int64[Tensor, " p"], values: Float[Tensor, " p"]) -> Float[Tensor, " n"]:
        """The mean over the positive pairs of every anchor; 0 where there are none."""
        count = len(self.comparison.anchors)
        total = values.new_zeros(count).index_add(0, anchor, values)
        return total / torch.bincount(anchor, minlength=count).clamp(min=1)

    def log_sum(self, anchor: Int64[Tensor, " p"], values: Float[Tensor, " p"]) -> Float[Tensor, " n"]:
        """The log-sum-exp over the positive pairs of every anchor; minus infinity where there are none."""
        top = values.new_full((len(self.comparison.anchors),), -torch.inf)
        top = top.scatter_reduce(0, anchor, values.detach(), "amax")
        return top + torch.zeros_like(top).index_add(0, anchor, torch.exp(values - top[anchor])).log()

    def mean_positive(self, groups: SameItem, temperature: Scale) -> tuple[Float[Tensor, " n"], Int64[Tensor, " n"]]:
        """The mean similarity of an anchor to its positives, over the temperature, and their number."""
        anchors, candidates = self.comparison.anchors, self.comparison.candidates
        ids, member = torch.unique(groups.candidate, return_inverse=True)
        sums = candidates.new_zeros(len(ids), candidates.shape[1]).index_add(0, member, candidates)
        place = torch.searchsorted(ids, groups.anchor).clamp(max=len(ids) - 1)
        there = ids[place] == groups.anchor
        count = torch.where(there, torch.bincount(member, minlength=len(ids))[place], 0)
        total = (anchors * sums.index_select(0, place)).sum(dim=1)
        if groups.first is not None:
            self_candidates = candidates[groups.first : groups.first + len(anchors)]
            total, count = total - (anchors * self_candidates).sum(dim=1), count - 1
        return total / count.clamp(min=1) / temperature, count


def has_shortcut(shortcut: Shortcut) -> Callable[[OfTiles], OfTiles]:
    """Register ``shortcut`` for an objective: given a ``RowSums`` and the same options, it returns the same losses."""

    def remember(objective: OfTiles) -> OfTiles:
        _shortcuts[objective] = shortcut
        return objective

    return remember


def by_shortcut(comparison: Comparison, objective: Callable[..., Tensor]) -> Float[Tensor, " n"] | None:
    """One loss per anchor of a lifted comparison, or None where there is no shortcut."""
    objective = objective.formula() if isinstance(objective, ChangingTemperature) else objective
    formula, options = objective, dict[str, object]()
    if isinstance(objective, partial) and not objective.args:
        formula, options = objective.func, objective.keywords
    shortcut = _shortcuts.get(formula) if isinstance(formula, Hashable) else None
    if shortcut is None or comparison.similarity is not dot or comparison.sieve is not None:
        return None
    return shortcut(RowSums(comparison), **options)


def _no_negatives(sparse: SparsePairs) -> Pairs:
    """The pairs that are not negatives: positive or left out."""
    return torch.cat([sparse.positive[0], sparse.left_out[0]]), torch.cat([sparse.positive[1], sparse.left_out[1]])


def _inside(pairs: tuple[Tensor, ...], columns: slice) -> Pairs:
    """The pairs whose candidate lies among these columns, numbered from the first of them."""
    inside = (pairs[1] >= columns.start) & (pairs[1] < columns.stop)
    return pairs[0][inside], pairs[1][inside] - columns.start
