"""The interfaces of all kinds of parts on one page: what each receives, what it returns, and what it must not do."""

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
"""Random views of the items of a batch: one batch per view, whose item i is a view of item i."""

Vectors = tuple[Float[Tensor, "b _"], ...]
"""What a method's networks return for the views: tensors with one row per item, ready to be compared."""

Losses = Float[Tensor, " b"]
"""One loss per item, from methods whose objective does not use a comparison table."""

Outcome = Comparison | Losses | tuple[Comparison | Losses, ...]
"""What a method makes of vectors: a comparison, losses, or several of those, whose means are added up."""


@dataclass(frozen=True)
class ItemsInfo:
    """Metadata of the items that a source provides besides their contents; None or empty where it provides none."""

    groups: Sequence[Any] | None = None
    """The group of each item, which no split may separate: a patient, a speaker, a video."""
    texts: Sequence[str] | None = None
    """The text of each item, where items are texts."""
    lengths: Int64[np.ndarray, " n"] | None = None
    """The length of each item, where lengths differ: items of equal length are encoded together."""
    source_rows: Int64[np.ndarray, " n"] | None = None
    """The row of the source that each item comes from, where some were left out."""
    source_count: int | None = None
    """How many rows the source has."""
    steps_of: Int64[np.ndarray, " s"] | None = None
    """The item of every row of the source, where an item spans several rows; -1 for rows that belong to no item."""
    windows: Any = None
    """Where the items lie (``data.window_items.WindowInfo``), where they are windows of long series."""
    linked: Int64[np.ndarray, "r v"] | None = None
    """For sources of pairs, the items of each row: an anchor, its positive, and any hard negatives."""
    duplicate_ids: Int64[np.ndarray, "_ w"] | None = None
    """Ids of the contents of every row, equal for near-duplicates: rows that share one are never negatives."""
    columns: Any = None
    """The columns of the source (``data.frames.Frame``), where it has any."""
    skipped: Sequence[tuple[str, str]] = ()
    """What was left out, and why."""
    notes: Sequence[str] = ()
    """Notes for the user on how the source was read."""


@runtime_checkable
class Items(Protocol):
    """An opened dataset: named items that can be fetched by index, in any order.

    Further metadata of a source is in ``info``, an ``ItemsInfo``; read it with ``info_of``.
    """

    @property
    def names(self) -> Sequence[str]:
        """One name per item, unique."""

    @property
    def labels(self) -> Sequence[Any] | None:
        """The label of each item as the source states it, or None. Self-supervised training never reads it."""

    def __len__(self) -> int: ...

    def take(self, index: Int64[np.ndarray, " b"]) -> Batch:
        """The items at these indices, in this order."""


@runtime_checkable
class HasInfo(Protocol):
    """Items whose source provides metadata."""

    @property
    def info(self) -> ItemsInfo:
        """The metadata."""


def info_of(items: Items) -> ItemsInfo:
    """The metadata of some items; empty where their source provides none."""
    return items.info if isinstance(items, HasInfo) else ItemsInfo()


@runtime_checkable
class HasOriginals(Protocol):
    """Items that are stored at a reduced size, and can be read again at their original size for display."""

    def originals(self, index: Int64[np.ndarray, " b"], side: int) -> Sequence[Image.Image | None]:
        """The pictures at these indices, no side longer than ``side``; None for each that is no longer available."""


class Augmentation(ABC):
    """Makes random views of items, as a function of keys alone."""

    @property
    def spec(self) -> str | None:
        """Its name in a plan, with its options; None for a callable, which cannot be saved."""
        return None

    @property
    def available(self) -> bool:
        """Whether views can be drawn: false for a loaded model whose augmentation was a callable (it is not saved)."""
        return True

    @abstractmethod
    def __call__(self, batch: Batch, keys: AnyKeys) -> Batch:
        """One view of every item."""

    def scaled(self, by: float) -> Augmentation:
        """The same augmentation, ``by`` times as strong; itself where it has no strength."""
        return self

    def parts(self) -> Mapping[str, Augmentation]:
        """Each of its transformations alone, by name; empty where it cannot be divided."""
        return {}

    def local(self) -> Augmentation | None:
        """The augmentation for small crops (multi-crop), whose views are smaller; None where there is none."""
        return None

    def shifted(self, number: int) -> Augmentation | None:
        """The augmentation of shifted items, such as pictures turned ``number`` times; None where there is none."""
        return self if number == 0 else None

    def label_preserving(self) -> Augmentation:
        """The variant that keeps an item's class, as a classifier needs it."""
        return self


class Function(Augmentation):
    """A plain function of a batch and keys as an augmentation."""

    def __init__(self, function: Callable[[Batch, AnyKeys], Batch]) -> None:
        self._function = function

    def __call__(self, batch: Batch, keys: AnyKeys) -> Batch:
        return self._function(batch, keys)


class Parts(NamedTuple):
    """The parts of one item, which can be masked to measure the effect of each."""

    names: Sequence[str]
    places: Sequence[tuple[float, ...]]
    """Of an image (left, top, right, bottom) as shares of the sides; of a series (channel, first step, end step); of
    texts and tables (first, end) of the words or columns. Ends are exclusive."""
    contents: Sequence[str] = ()
    """The content of each part, where its name does not include it."""
    draws: int = 1
    """The number of random fills to average over; 1 where fills are not random."""
    empty: bool = False
    """Whether an item with all parts masked is empty and cannot be encoded; its vector is 0 then."""


@dataclass(frozen=True)
class ItemInfo:
    """What is known of the rows of one batch besides their vectors."""

    index: Int64[Tensor, " b"]
    """The item of every row; for pairs the index of the first item, or of the pair where partners are learned from."""
    labels: Int64[Tensor, " b"] | None = None
    """The class of every item, -1 where unlabelled; None where no labels are learned from."""
    same: Bool[Tensor, " b"] | None = None
    """Whether the two items of a pair are labelled as the same; None where rows are not pairs."""
    scores: Int64[Tensor, " b"] | None = None
    """The rank of each pair's similarity score among all pairs; None where there are no scores."""
    key: int = 0
    """The key of the step's random numbers."""

    def classes(self) -> Int64[Tensor, " b"]:
        """What belongs together: the class of every item, and a unique negative number for one without a class.

        >>> ItemInfo(torch.tensor([7, 8, 9]), torch.tensor([0, -1, 0])).classes().tolist()
        [0, -9, 0]
        """
        return self.index if self.labels is None else torch.where(self.labels < 0, -1 - self.index, self.labels)


Negatives = Callable[[Comparison, ItemInfo], Comparison]
"""Changes which pairs are compared: fewer, other or more negatives. One that keeps a memory is a module."""


class Step(NamedTuple):
    """One training step, as it is given to ``Method.after_step``."""

    number: int
    total: int
    vectors: Vectors
    items: ItemInfo


class Method(nn.Module, ABC):
    """How views, encoder copies, heads, comparison and objective are wired.

    A method owns its networks and its memory. Networks run in ``project`` and nowhere else; ``compare`` runs no
    network; memory (queues, EMA encoders) changes in ``after_step`` and nowhere else. Between the two halves the
    trainer may gather vectors from other processes or recompute them in micro-batches: a method deals with neither.

    The constructor receives an encoder and a head, and further values by the names of its arguments: ``objective``,
    ``similarity``, ``temperature``, ``items`` (the number of rows), ``classes`` (the number of classes).
    """

    encoder: nn.Module
    objective: Objective
    """Reduces a tile of the comparison to one loss per anchor, where the method compares."""
    negatives: Negatives
    """Applied to every comparison that ``compare`` returns; None leaves it as it is."""
    lengths: tuple[int, ...] = ()
    """Prefix lengths of the vectors that are compared as well, so that vectors can be cut to them (Matryoshka)."""
    views: ClassVar[int] = 2
    """How many views of each item the method needs."""
    shifts: ClassVar[int] = 1
    """How many shifts the views are of: first those of unshifted items, then as many of each other shift."""
    local_views: ClassVar[bool] = False
    """Whether it can use additional smaller views (multi-crop); they come last."""
    takes_others: ClassVar[bool] = False
    """Whether it can use labelled hard negatives of each row; they come last."""
    needs_labels: ClassVar[bool] = False
    """Whether it learns from labels."""
    needs_scores: ClassVar[bool] = False
    """Whether it learns from similarity scores of pairs."""
    sampling: ClassVar[Literal["items", "groups", "pairs"]] = "items"
    """What a row of a batch is: an item, one of several items of the same class, or a pair of items."""
    objectives: ClassVar[tuple[str, ...]] = ()
    """The objectives of the catalogue that it can use; empty for all."""
    optimizers: ClassVar[tuple[str, ...]] = ()
    """The optimisers of the catalogue that can update its weights; empty for all."""
    usual: ClassVar[Mapping[str, Any]] = {}
    """This method's defaults for choices that a plan leaves open, where they differ from the usual ones."""

    def fits(self, batch_size: int, micro_batch: int) -> None:
        """Raise ``PlanError`` where it cannot learn from batches of this size, encoded in such micro-batches."""

    @abstractmethod
    def project(self, views: Views) -> Vectors:
        """Run the networks on the views."""

    @abstractmethod
    def compare(self, vectors: Vectors, items: ItemInfo) -> Outcome:
        """Define what is compared with what, without changing any state."""

    def after_step(self, step: Step) -> None:
        """Change the method's memory, after the optimiser has moved the weights."""

    def watched(self, vectors: Vectors, items: ItemInfo) -> Comparison | None:
        """The comparison that diagnostics use where ``compare`` returns none: it shows whether vectors collapse."""
        return None

    def outcomes(self, vectors: Vectors, items: ItemInfo) -> tuple[Comparison | Losses, ...]:
        """What ``compare`` returns, with the plan's negatives applied; then the same for each prefix length.

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
        """Call ``after_step`` of the method, and of its objective and negatives if they have one."""
        self.after_step(step)
        for part in (getattr(self, "objective", None), getattr(self, "negatives", None)):
            if isinstance(part, Stateful):
                part.after_step(step)


@runtime_checkable
class Stateful(Protocol):
    """A part whose state changes with the steps of a run."""

    def after_step(self, step: Step) -> None:
        """Update the state, after the optimiser has updated the weights."""


Listener = Callable[[Mapping[str, Any]], None]
"""Receives every record of ``metrics.jsonl`` as it is written."""

Tracker = Callable[[Path, Mapping[str, Any]], AbstractContextManager[Listener]]
"""Makes, of a run folder and the run's choices, a context manager that yields a listener: a metrics tracker."""
