"""What the rows of an epoch are: every item once, items grouped by class, or pairs of items.

Each is a function of the seed and the epoch, like the views, so a resumed run continues with the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from counterpoint import rng


@runtime_checkable
class Sampling(Protocol):
    """What the rows of an epoch are: every item once, items grouped by class, or pairs."""

    def __len__(self) -> int:
        """The number of rows in an epoch."""
        ...

    def order(self, *, seed: int, epoch: int) -> Int64[Tensor, " n"]:
        """All rows of an epoch, in order."""
        ...

    def shown(self, rows: Int64[Tensor, " b"], *, seed: int, epoch: int) -> Shown:
        """The items of these rows."""
        ...


class Shown(NamedTuple):
    """The items of some rows, and their labels or scores."""

    first: Int64[Tensor, " b"]
    """The item of all views, except the second of a pair."""
    second: Int64[Tensor, " b"]
    """The item of the second view, of pairs."""
    labels: Int64[Tensor, " b"] | None = None
    same: Bool[Tensor, " b"] | None = None
    number: Int64[Tensor, " b"] | None = None
    """The ids of the rows, where they are not those of the first items."""
    scores: Int64[Tensor, " b"] | None = None
    """Similarity scores of pairs, as ranks."""
    others: tuple[Int64[Tensor, " b"], ...] = ()
    """Hard negatives of each row."""


@dataclass(frozen=True)
class EachItem:
    """Every item once, shuffled in every epoch."""

    count: int
    labels: Int64[Tensor, " n"] | None = None
    """The class of every item, -1 where unlabelled."""

    def __len__(self) -> int:
        return self.count

    def order(self, *, seed: int, epoch: int) -> Int64[Tensor, " n"]:
        return rng.permutation(self.count, seed=seed, epoch=epoch)

    def shown(self, rows: Int64[Tensor, " b"], *, seed: int, epoch: int) -> Shown:
        return Shown(rows, rows, None if self.labels is None else self.labels[rows])


@dataclass(frozen=True)
class Groups:
    """Every item once, next to others of its class, so that small batches of many classes hold positives.

    Hermans et al. 2017, arXiv:1703.07737, section 2 (P classes of K items); here a batch may hold a class twice.
    """

    labels: Int64[Tensor, " n"]
    together: int = 4

    def __len__(self) -> int:
        return len(self.labels)

    def order(self, *, seed: int, epoch: int) -> Int64[Tensor, " n"]:
        shuffled = rng.permutation(len(self.labels), seed=seed, epoch=epoch)
        members = shuffled[torch.argsort(self.labels[shuffled], stable=True)]
        label = self.labels[members]
        start = torch.searchsorted(label, label)
        place = torch.arange(len(label)) - start
        alone = label < 0  # unlabelled items are not grouped
        group = torch.where(alone, torch.arange(len(label)), start + place // self.together)
        turn = rng.permutation(len(label), seed=seed, epoch=epoch)[group]
        return members[torch.argsort(turn, stable=True)]

    def shown(self, rows: Int64[Tensor, " b"], *, seed: int, epoch: int) -> Shown:
        return Shown(rows, rows, self.labels[rows])


@dataclass(frozen=True)
class DrawnPairs:
    """A pair for every labelled item: in every other epoch of the same class, otherwise of different classes.

    In any epoch half of the pairs are positive, and no item is paired with itself. An item that is alone in its class
    only has negative pairs.
    """

    labels: Int64[Tensor, " n"]

    def __len__(self) -> int:
        return len(self._by_class)

    @cached_property
    def _by_class(self) -> Int64[Tensor, " p"]:
        """The labelled items, sorted by class."""
        labelled = (self.labels >= 0).nonzero()[:, 0]
        return labelled[torch.argsort(self.labels[labelled], stable=True)]

    def order(self, *, seed: int, epoch: int) -> Int64[Tensor, " n"]:
        return rng.permutation(len(self), seed=seed, epoch=epoch)

    def shown(self, rows: Int64[Tensor, " b"], *, seed: int, epoch: int) -> Shown:
        label = self.labels[self._by_class]
        begin, end = torch.searchsorted(label, label[rows]), torch.searchsorted(label, label[rows], right=True)
        same = ((rows + epoch) % 2 == 0) & (end - begin > 1)
        luck = rng.uniform(rng.keys(seed=seed, epoch=epoch, items=rows, view=-2), 1, "partner")[:, 0].double()
        alike = begin + (luck * (end - begin - 1)).long()
        alike = alike + (alike >= rows).long()  # all of the class except the item itself
        other = (luck * (len(label) - (end - begin))).long()
        other = torch.where(other >= begin, other + (end - begin), other)  # all outside the class
        second = torch.where(same, alike, other)
        return Shown(self._by_class[rows], self._by_class[second], label[rows], same)


@dataclass(frozen=True)
class GivenPairs:
    """Pairs that the user labelled."""

    first: Int64[Tensor, " p"]
    second: Int64[Tensor, " p"]
    same: Bool[Tensor, " p"]

    def __len__(self) -> int:
        return len(self.first)

    def order(self, *, seed: int, epoch: int) -> Int64[Tensor, " p"]:
        return rng.permutation(len(self), seed=seed, epoch=epoch)

    def shown(self, rows: Int64[Tensor, " b"], *, seed: int, epoch: int) -> Shown:
        return Shown(self.first[rows], self.second[rows], None, self.same[rows])


@dataclass(frozen=True)
class Partners:
    """Rows of items that belong together: an anchor, its positive, and optional hard negatives."""

    items: Int64[Tensor, "r v"]
    scores: Int64[Tensor, " r"] | None = None
    """The similarity scores of the first two items of every row, as ranks."""

    def __len__(self) -> int:
        return len(self.items)

    def order(self, *, seed: int, epoch: int) -> Int64[Tensor, " r"]:
        return rng.permutation(len(self), seed=seed, epoch=epoch)

    def shown(self, rows: Int64[Tensor, " b"], *, seed: int, epoch: int) -> Shown:
        first, second, *others = self.items[rows].T
        scores = None if self.scores is None else self.scores[rows]
        return Shown(first, second, number=rows, scores=scores, others=tuple(others))
