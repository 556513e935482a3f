"""What stands in the rows of an epoch: every item once, items beside others of their class, or pairs of items.

Each is a function of the seed and the epoch, like the views, so a run that is resumed goes on with the same rows.
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
    """What stands in the rows of an epoch: every item once, items beside others of their class, or pairs."""

    def __len__(self) -> int:
        """Rows in an epoch."""
        ...

    def order(self, *, seed: int, epoch: int) -> Int64[Tensor, " n"]:
        """All rows of an epoch, as they follow each other."""
        ...

    def shown(self, rows: Int64[Tensor, " b"], *, seed: int, epoch: int) -> Shown:
        """The items of these rows."""
        ...


class Shown(NamedTuple):
    """The items of some rows, and what is known of them."""

    first: Int64[Tensor, " b"]
    """Who is seen in all views, but for the others of pairs."""
    second: Int64[Tensor, " b"]
    """Who is seen in the second view."""
    labels: Int64[Tensor, " b"] | None = None
    same: Bool[Tensor, " b"] | None = None
    number: Int64[Tensor, " b"] | None = None
    """What the rows are known by, where it is not the first item."""
    scores: Int64[Tensor, " b"] | None = None
    """How alike people say both are, as ranks."""
    others: tuple[Int64[Tensor, " b"], ...] = ()
    """Items that a row is to be told apart from."""


@dataclass(frozen=True)
class EachItem:
    """Every item once, in an order of its own in every epoch."""

    count: int
    labels: Int64[Tensor, " n"] | None = None
    """The class of every item, -1 where nobody knows."""

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
        alone = label < 0  # items that nobody has named belong to no group
        group = torch.where(alone, torch.arange(len(label)), start + place // self.together)
        turn = rng.permutation(len(label), seed=seed, epoch=epoch)[group]
        return members[torch.argsort(turn, stable=True)]

    def shown(self, rows: Int64[Tensor, " b"], *, seed: int, epoch: int) -> Shown:
        return Shown(rows, rows, self.labels[rows])


@dataclass(frozen=True)
class DrawnPairs:
    """A pair for every labelled item: in every other epoch with one of its class, in the others with one of another.

    In any epoch half of the pairs are of one class, and no item is paired with itself. An item that is alone in its
    class is always paired with a stranger.
    """

    labels: Int64[Tensor, " n"]

    def __len__(self) -> int:
        return len(self._by_class)

    @cached_property
    def _by_class(self) -> Int64[Tensor, " p"]:
        """The labelled items, class by class."""
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
        alike = alike + (alike >= rows).long()  # all of the class but itself
        other = (luck * (len(label) - (end - begin))).long()
        other = torch.where(other >= begin, other + (end - begin), other)  # all that stand outside the class
        second = torch.where(same, alike, other)
        return Shown(self._by_class[rows], self._by_class[second], label[rows], same)


@dataclass(frozen=True)
class GivenPairs:
    """The pairs that a person has named."""

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
    """Items that belong together: in every row one, its partner, and perhaps others to tell it apart from."""

    items: Int64[Tensor, "r v"]
    scores: Int64[Tensor, " r"] | None = None
    """How alike people say the first two of every row are, as ranks."""

    def __len__(self) -> int:
        return len(self.items)

    def order(self, *, seed: int, epoch: int) -> Int64[Tensor, " r"]:
        return rng.permutation(len(self), seed=seed, epoch=epoch)

    def shown(self, rows: Int64[Tensor, " b"], *, seed: int, epoch: int) -> Shown:
        first, second, *others = self.items[rows].T
        scores = None if self.scores is None else self.scores[rows]
        return Shown(first, second, number=rows, scores=scores, others=tuple(others))
