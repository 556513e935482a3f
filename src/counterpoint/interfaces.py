"""Every kind of part on one page: what it is given, what it returns, and what it must not do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int64
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
    """What is known of the items of one batch besides their vectors."""

    index: Int64[Tensor, " b"]


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
    """

    encoder: nn.Module
    objective: Objective
    """Turns some rows of the comparison into the loss of each of their anchors."""
    views: ClassVar[int] = 2
    """How many looks at each item the method wants."""

    @abstractmethod
    def project(self, views: Views) -> Vectors:
        """Run the networks on the views."""

    @abstractmethod
    def compare(self, vectors: Vectors, items: ItemInfo) -> Comparison | Losses:
        """Say who is compared with whom, without changing anything."""

    def after_step(self, step: Step) -> None:
        """Change the method's memory, after the optimiser has moved the weights."""


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

    @abstractmethod
    def plain(self, batch: Batch) -> Tensor:
        """The items as an encoder sees them when nothing is random: what is embedded."""

    @abstractmethod
    def raw(self, batch: Batch) -> Float[Tensor, "b d"]:
        """The items as flat numbers: the baseline every score is compared with."""

    @abstractmethod
    def encoder(self, name: str, width: int | None) -> nn.Module:
        """A network (b, ...) -> (b, d) that fits this data; ``auto`` and None leave the choice to the modality."""

    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Everything ``restore`` needs, as JSON can hold it."""

    @classmethod
    @abstractmethod
    def restore(cls, settings: Mapping[str, Any]) -> Modality:
        """The modality that ``settings`` came from."""

    def can_look(self) -> bool:
        """Whether views can be drawn: not where they were a callable that a saved model cannot hold."""
        return True

    def encoder_input(self) -> EncoderInput | None:
        """What ``plain`` gives for one item, or None where nobody said; ``export`` writes it down."""
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
    progress: Callable[[int, int], None] | None = None
    """Is told how many items have been decoded, and of how many, where that takes time."""


Listener = Callable[[Mapping[str, Any]], None]
"""Is told every record of ``metrics.jsonl`` as it is written."""
