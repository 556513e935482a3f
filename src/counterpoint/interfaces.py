"""Every kind of part on one page: what it is given, what it returns, and what it must not do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from counterpoint.comparison import Comparison, Tile

Batch = Tensor
"""Some items as the modality stores them: uint8 pixels (b, c, h, w), columns (b, d), series (b, c, t)."""

Views = tuple[Tensor, ...]
"""Random looks at the items of a batch: one tensor (b, ...) per view, row i of each showing item i."""

Vectors = tuple[Float[Tensor, "b _"], ...]
"""What a method's networks made of the views: tensors with one row per item, ready to be compared."""

Losses = Float[Tensor, " b"]
"""One loss per item, from methods whose objective is not a table."""

Outcome = Comparison | Losses | tuple[Comparison | Losses, ...]
"""What a method makes of vectors: a table, losses, or several of those, whose means are added up."""

Objective = Callable[[Tile], Float[Tensor, " b"]]
"""Reduces some whole rows of a comparison to one loss per anchor. Mathematics only: no memory, no networks."""


@runtime_checkable
class Items(Protocol):
    """Data, opened: things with names that can be fetched by number, in any order."""

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


@dataclass(frozen=True)
class ItemInfo:
    """What is known of the rows of one batch besides their vectors."""

    index: Int64[Tensor, " b"]
    """The item of every row; of a pair the first, or the number of the pair where partners are learned from."""
    labels: Int64[Tensor, " b"] | None = None
    """The class of every item, -1 where nobody knows; None where no labels are learned from."""
    same: Bool[Tensor, " b"] | None = None
    """Whether both items of a pair belong together; None where rows are no pairs."""
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
    views: ClassVar[int] = 2
    """How many looks at each item the method wants."""
    local_views: ClassVar[bool] = False
    """Whether it can use smaller looks beside those (multi-crop); they come last."""
    takes_others: ClassVar[bool] = False
    """Whether it can use items that a person wants told apart from a row's own (hard negatives); they come last."""
    needs_labels: ClassVar[bool] = False
    """Whether it learns from labels."""
    sampling: ClassVar[Literal["items", "groups", "pairs"]] = "items"
    """What stands in a row of a batch: an item, one of a few of its class in a batch, or a pair of items."""
    objectives: ClassVar[tuple[str, ...]] = ()
    """The objectives that it can use, of those in the catalogue; empty for all."""
    usual: ClassVar[Mapping[str, Any]] = {}
    """What the choices of a plan that are left open mean with this method, where it wants other than usual."""

    def fits(self, batch_size: int, at_once: int) -> None:
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
        """What ``compare`` says, among the negatives that were asked for."""
        outcome = self.compare(vectors, items)
        parts = outcome if isinstance(outcome, tuple) else (outcome,)
        choose: Negatives | None = getattr(self, "negatives", None)
        if choose is None:
            return parts
        return tuple(choose(part, items) if isinstance(part, Comparison) else part for part in parts)

    def remember(self, step: Step) -> None:
        """``after_step`` of the method, and of its objective and negatives if they have one."""
        self.after_step(step)
        for part in (getattr(self, "objective", None), getattr(self, "negatives", None)):
            if isinstance(part, Remembers):
                part.after_step(step)


@runtime_checkable
class Remembers(Protocol):
    """A part that changes with the steps of a run."""

    def after_step(self, step: Step) -> None:
        """Change what is remembered, after the optimiser has moved the weights."""
        ...


class EncoderInput(NamedTuple):
    """What an encoder is given of one item: for those who feed it without this package."""

    axes: Mapping[str, int | None]
    """The length of every axis after that of the batch, by its name; None for one of any length."""
    recipe: str
    """How it is made from the data, in words."""


class Modality(ABC):
    """A kind of data: how to open it, look at it and encode it. Knows no method.

    A modality is described completely by ``settings`` (plain numbers and strings), which are saved with the model,
    so that new data is later seen the way the training data was.
    """

    name: ClassVar[str]
    usual_encoder: ClassVar[str]
    """What ``auto`` stands for."""
    ragged: ClassVar[bool] = False
    """Whether items are of unequal length, so that one has not the shape of all."""
    kept_apart: ClassVar[Mapping[str, str]] = {}
    """The settings that are long, and the file beside the weights that each is kept in, as JSON."""

    @classmethod
    @abstractmethod
    def claims(cls, source: object) -> bool:
        """Whether this source is plainly of this kind, judged without reading all of it."""

    @classmethod
    @abstractmethod
    def learn(cls, source: object, wishes: Wishes) -> tuple[Modality, Items]:
        """Open training data and settle what the modality needs to know about it (sizes, means)."""

    @abstractmethod
    def open(self, source: object) -> Items:
        """Open further data, as the training data was."""

    @abstractmethod
    def look(self, batch: Batch, key: Int64[Tensor, " b"]) -> Tensor:
        """One random view of every item, drawn from its key."""

    def local(self, batch: Batch, key: Int64[Tensor, " b"]) -> Tensor | None:
        """A random look at a small part of every item, itself smaller than ``look`` gives; None where there is none."""
        return None

    def aligned(self, views: Views) -> Views:
        """The views of one batch in shapes that can be encoded together, where they are of unequal length."""
        return views

    def flat(self, view: Tensor) -> Float[Tensor, "b d"]:
        """Views as numbers whose differences mean something, to say how much they change."""
        return view.flatten(1).float()

    @abstractmethod
    def plain(self, batch: Batch) -> Tensor:
        """The items as an encoder sees them when nothing is random: what is embedded."""

    @abstractmethod
    def raw(self, batch: Batch) -> Float[Tensor, "b d"]:
        """The items as flat numbers: the baseline every score is compared with."""

    @abstractmethod
    def encoder(self, name: str, width: int | None) -> nn.Module:
        """A network (b, ...) -> (b, d) that fits this data; ``auto`` and None leave the choice to the modality."""

    def rebuilt(self, name: str, width: int | None) -> nn.Module:
        """The same network, for weights that are to be filled in."""
        return self.encoder(name, width)

    def recipe(self, encoder: str) -> Mapping[str, Any]:
        """What open choices mean with an encoder that has learned before; ``views``, how many a run looks at."""
        return {}

    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Everything ``restore`` needs, as JSON can hold it."""

    @classmethod
    @abstractmethod
    def restore(cls, settings: Mapping[str, Any]) -> Modality:
        """The modality that ``settings`` came from."""

    def strength(self, by: float) -> str:
        """Its views as a spec at ``by`` times their strength: the usual ones by 1, or where they cannot be scaled."""
        return str(self.settings().get("views", "auto"))

    def looking(self, views: str) -> Modality:
        """The same modality with other views of the same size, by a spec; items that it has opened go with it."""
        return type(self).restore({**self.settings(), "views": views})

    def can_look(self) -> bool:
        """Whether views can be drawn: not where they were a callable that a saved model cannot hold."""
        return True

    def encoder_input(self) -> EncoderInput | None:
        """What ``plain`` gives for one item, or None where nobody said; ``export`` writes it down."""
        return None

    def quoted(self, like: str) -> object | None:
        """What a person typed, as a source of one item; None where items cannot be typed."""
        return None

    def uses(self) -> Sequence[str]:
        """The columns that are features, where the data has columns with names: a label among them is no test."""
        return ()

    def picture(self, batch: Batch) -> Tensor | None:
        """The items as uint8 pictures (b, 3, h, w) for people, or None where the kind of data has none."""
        return None

    def seen(self, view: Tensor) -> Tensor | None:
        """A view as a uint8 picture (b, 3, s, s) for people, or None."""
        return None


@dataclass(frozen=True)
class Wishes:
    """What the user asks of a modality; None and 'auto' leave it to the data."""

    views: str | Callable[..., Any] = "auto"
    view_size: int | None = None
    column: str | None = None
    encoder: str = "auto"
    pairs: Sequence[str] = ()
    """The columns of what belongs together: anchors, their partners, and others that they are to be told apart from."""
    progress: Callable[[int, int], None] | None = None
    """Is told how many items have been decoded, and of how many, where that takes time."""


Listener = Callable[[Mapping[str, Any]], None]
"""Is told every record of ``metrics.jsonl`` as it is written."""
