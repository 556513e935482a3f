"""Every kind of part on one page: what it is given, what it returns, and what it must not do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from PIL import Image
from torch import Tensor, nn

from counterpoint.batch import Batch as Batch
from counterpoint.comparison import Comparison
from counterpoint.comparison import Objective as Objective
from counterpoint.rng import AnyKeys as AnyKeys
from counterpoint.rng import Keys as Keys

Views = tuple[Batch, ...]
"""Random views of the items of a batch: a batch for each, item i of which is a view of item i."""

Vectors = tuple[Float[Tensor, "b _"], ...]
"""What a method's networks made of the views: tensors with one row per item, ready to be compared."""

Losses = Float[Tensor, " b"]
"""One loss per item, from methods whose objective is not a table."""

Outcome = Comparison | Losses | tuple[Comparison | Losses, ...]
"""What a method makes of vectors: a table, losses, or several of those, whose means are added up."""


@dataclass(frozen=True)
class ItemsInfo:
    """What a source says of its items besides their contents; None or empty where it says nothing."""

    groups: Sequence[Any] | None = None
    """What several items share so that no split parts them: a patient, a speaker, a video."""
    texts: Sequence[str] | None = None
    """What each item reads as, where items are texts."""
    lengths: Int64[np.ndarray, " n"] | None = None
    """The length of each item, where they differ: those of one length are encoded together."""
    source_rows: Int64[np.ndarray, " n"] | None = None
    """The row of the source that each item comes from, where some were left out."""
    source_count: int | None = None
    """How many rows the source has."""
    steps_of: Int64[np.ndarray, " s"] | None = None
    """The item of every row of the source, where an item has several; -1 for rows of none."""
    linked: Int64[np.ndarray, "r v"] | None = None
    """The items of every row that belong together, where the source is of pairs: one, its partner, others."""
    duplicate_ids: Int64[np.ndarray, "_ w"] | None = None
    """Numbers of what every row shows, where some show nearly the same; those are never negatives of each other."""
    columns: Any = None
    """The columns of the source (``data.frames.Frame``), where it has any."""
    skipped: Sequence[tuple[str, str]] = ()
    """What was left out, and why."""
    notes: Sequence[str] = ()
    """What a person should know of how the source was read."""


@runtime_checkable
class Items(Protocol):
    """Data, opened: things with names that can be fetched by number, in any order.

    What else a source says of its items is their ``info``, an ``ItemsInfo``; ``info_of`` reads it.
    """

    @property
    def names(self) -> Sequence[str]:
        """One name per item, unique."""
        ...

    @property
    def labels(self) -> Sequence[Any] | None:
        """What the source itself says about each item, or None. Training never looks at it."""
        ...

    def __len__(self) -> int: ...

    def take(self, index: Int64[np.ndarray, " b"]) -> Batch:
        """The items at these positions, in this order."""
        ...


@runtime_checkable
class HasInfo(Protocol):
    """Items whose source says more of them."""

    @property
    def info(self) -> ItemsInfo:
        """All of it."""
        ...


def info_of(items: Items) -> ItemsInfo:
    """What the source of some items says of them."""
    return items.info if isinstance(items, HasInfo) else ItemsInfo()


@runtime_checkable
class HasOriginals(Protocol):
    """Items that are kept smaller than they came, and can be fetched again as they were, for people."""

    def originals(self, index: Int64[np.ndarray, " b"], side: int) -> Sequence[Image.Image | None]:
        """The pictures at these positions, no longer than ``side``; None for each that is not at hand."""
        ...


class Augmentation(ABC):
    """Makes random views of items, drawn from keys and from nothing else."""

    @property
    def spec(self) -> str | None:
        """Its name in a plan, with its options; None for a callable, which cannot be saved."""
        return None

    @property
    def available(self) -> bool:
        """Whether views can be drawn: not where they were a callable that a saved model cannot hold."""
        return True

    @abstractmethod
    def __call__(self, batch: Batch, keys: AnyKeys) -> Batch:
        """One view of every item."""

    def scaled(self, by: float) -> Augmentation:
        """The same changes, ``by`` times as strong; itself where they have no strength."""
        return self

    def parts(self) -> Mapping[str, Augmentation]:
        """Each of its changes alone, by name; empty where it is of one piece."""
        return {}

    def local(self) -> Augmentation | None:
        """The one that makes views of small parts of items, themselves smaller (multi-crop); None without one."""
        return None

    def label_preserving(self) -> Augmentation:
        """The one that leaves what an item is of, as a classifier needs it."""
        return self


class Function(Augmentation):
    """A plain function of a batch and keys as an augmentation."""

    def __init__(self, function: Callable[[Batch, AnyKeys], Batch]) -> None:
        self._function = function

    def __call__(self, batch: Batch, keys: AnyKeys) -> Batch:
        return self._function(batch, keys)


class Parts(NamedTuple):
    """What an item can be cut into, to see which part of it does what."""

    names: Sequence[str]
    places: Sequence[tuple[float, ...]]
    """Of an image left, top, right and bottom of each part as shares of the sides; of a series its channel, first step
    and the step after its last; of texts and tables its first word or column and the one after its last."""
    contents: Sequence[str] = ()
    """What stands in each part, where its name does not say so."""
    draws: int = 1
    """How many draws make a good mean where what fills a part is random; 1 where it is not."""
    empty: bool = False
    """Whether nothing is left of an item without all its parts; its vector is 0 then."""


@dataclass(frozen=True)
class ItemInfo:
    """What is known of the rows of one batch besides their vectors."""

    index: Int64[Tensor, " b"]
    """The item of every row; of a pair the first, or the number of the pair where partners are learned from."""
    labels: Int64[Tensor, " b"] | None = None
    """The class of every item, -1 where nobody knows; None where no labels are learned from."""
    same: Bool[Tensor, " b"] | None = None
    """Whether both items of a pair belong together; None where rows are no pairs."""
    scores: Int64[Tensor, " b"] | None = None
    """How alike people say both items of a pair are, as its rank among all pairs; None where nobody said."""
    key: int = 0
    """Names the random numbers of the step."""

    def classes(self) -> Int64[Tensor, " b"]:
        """What belongs together: the class of every item, and a number of its own for one without.

        >>> import torch
        >>> ItemInfo(torch.tensor([7, 8, 9]), torch.tensor([0, -1, 0])).classes().tolist()
        [0, -9, 0]
        """
        return self.index if self.labels is None else torch.where(self.labels < 0, -1 - self.index, self.labels)


Negatives = Callable[[Comparison, ItemInfo], Comparison]
"""Chooses who is compared with whom anew: fewer negatives, others, or more. What it remembers is in a module."""


class Step(NamedTuple):
    """What has just been learned from: given to ``Method.after_step``."""

    number: int
    total: int
    vectors: Vectors
    items: ItemInfo


class Method(nn.Module, ABC):
    """How views, encoder copies, heads, comparison and objective are wired.

    A method owns its networks and its memory. Networks run in ``project`` and nowhere else; ``compare`` runs no
    network; memory (queues, slow copies) changes in ``after_step`` and nowhere else. Between the halves the trainer
    may gather vectors from other processes or recompute them in pieces, so a method never knows about either.

    It is made with an encoder and a head, and with what it asks for by the names of its arguments: ``objective``,
    ``similarity``, ``temperature``, ``items`` (how many rows there are), ``classes`` (how many, of labels).
    """

    encoder: nn.Module
    objective: Objective
    """Turns some rows of a comparison into the loss of each of their anchors, where the method compares."""
    negatives: Negatives
    """Has the last word on who is compared with whom; where there is none, ``compare`` has it."""
    lengths: tuple[int, ...] = ()
    """Numbers of vectors that are compared by themselves, too, so that so many serve as well as all (Matryoshka)."""
    views: ClassVar[int] = 2
    """How many looks at each item the method wants."""
    local_views: ClassVar[bool] = False
    """Whether it can use smaller looks beside those (multi-crop); they come last."""
    takes_others: ClassVar[bool] = False
    """Whether it can use items that a person wants told apart from a row's own (hard negatives); they come last."""
    needs_labels: ClassVar[bool] = False
    """Whether it learns from labels."""
    needs_scores: ClassVar[bool] = False
    """Whether it learns from how alike people say pairs are."""
    sampling: ClassVar[Literal["items", "groups", "pairs"]] = "items"
    """What stands in a row of a batch: an item, one of a few of its class in a batch, or a pair of items."""
    objectives: ClassVar[tuple[str, ...]] = ()
    """The objectives that it can use, of those in the catalogue; empty for all."""
    optimizers: ClassVar[tuple[str, ...]] = ()
    """The optimisers that can move its weights, of those in the catalogue; empty for all."""
    usual: ClassVar[Mapping[str, Any]] = {}
    """What the choices of a plan that are left open mean with this method, where it wants other than usual."""

    def fits(self, batch_size: int, micro_batch: int) -> None:
        """Raise ``PlanError`` where it cannot learn from batches of this size, so many of them encoded at once."""

    @abstractmethod
    def project(self, views: Views) -> Vectors:
        """Run the networks on the views."""

    @abstractmethod
    def compare(self, vectors: Vectors, items: ItemInfo) -> Outcome:
        """Say who is compared with whom, without changing anything."""

    def after_step(self, step: Step) -> None:
        """Change the method's memory, after the optimiser has moved the weights."""

    def watched(self, vectors: Vectors, items: ItemInfo) -> Comparison | None:
        """The comparison that a run is judged by, where ``compare`` has none: it shows whether vectors collapse."""
        return None

    def outcomes(self, vectors: Vectors, items: ItemInfo) -> tuple[Comparison | Losses, ...]:
        """What ``compare`` says, among the negatives that were asked for; then the same by shorter vectors.

        Kusupati et al. 2022, arXiv:2205.13147, eq. 1: the losses of all lengths are added up.
        """
        outcome = self.compare(vectors, items)
        parts = outcome if isinstance(outcome, tuple) else (outcome,)
        choose: Negatives | None = getattr(self, "negatives", None)
        if choose is not None:
            parts = tuple(choose(part, items) if isinstance(part, Comparison) else part for part in parts)
        tables = [part for part in parts if isinstance(part, Comparison)]
        return *parts, *(table.shortened(length) for length in self.lengths for table in tables)

    def remember(self, step: Step) -> None:
        """``after_step`` of the method, and of its objective and negatives if they have one."""
        self.after_step(step)
        for part in (getattr(self, "objective", None), getattr(self, "negatives", None)):
            if isinstance(part, Stateful):
                part.after_step(step)


@runtime_checkable
class Stateful(Protocol):
    """A part that changes with the steps of a run."""

    def after_step(self, step: Step) -> None:
        """Change what is remembered, after the optimiser has moved the weights."""
        ...


Listener = Callable[[Mapping[str, Any]], None]
"""Is told every record of ``metrics.jsonl`` as it is written."""

Tracker = Callable[[Path, Mapping[str, Any]], AbstractContextManager[Listener]]
"""From a run folder and the choices of the run to a listener that draws its curves while the context is open."""
