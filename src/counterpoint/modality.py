"""A kind of data: how it is opened, augmented and encoded, and the optional protocols of some kinds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor, nn

from counterpoint import batch
from counterpoint.errors import InputError
from counterpoint.interfaces import AnyKeys, Augmentation, Batch, Function, Items, Parts, Views
from counterpoint.plans.data_options import AS_IT_IS, ReadOptions
from counterpoint.plans.data_options import DataOptions as DataOptions
from counterpoint.rng import hashed

Baseline = Callable[[Batch], Float[Tensor, "b d"]]
"""Classical features of some items."""

Cell = str | Sequence[float | None]
"""A cell of an item: a string, or a series of numbers, None where one is missing."""


class EncoderInput(NamedTuple):
    """What an encoder takes for one item: for those who run it without this package."""

    axes: Mapping[str, int | None]
    """The length of every axis after the batch axis, by name; None where it varies."""
    recipe: str
    """How to make it from the data, in words."""
    words: int | None = None
    """The size of the vocabulary, where the input is token ids; else None."""


class Dataset(NamedTuple):
    """A source that has been opened: the modality that fits it, and its items."""

    modality: Modality
    items: Items


class Modality(ABC):
    """A kind of data: how it is opened, augmented and encoded. Knows no method.

    A modality is described completely by ``settings`` (plain numbers and strings), which are saved with the model,
    so that new data is later read as the training data was. What only some kinds of data can do is an optional
    protocol, below.
    """

    name: ClassVar[str]
    usual_encoder: ClassVar[str]
    """The encoder that ``auto`` stands for."""
    ragged: ClassVar[bool] = False
    """Whether items vary in length, so that they have no common shape."""
    only_here: ClassVar[frozenset[str]] = frozenset()
    """The data options that apply to this kind of data and not to every kind."""
    kept_apart: ClassVar[Mapping[str, str]] = {}
    """Settings that are too long for ``config.json``, with the JSON file beside the weights that holds each."""

    @classmethod
    @abstractmethod
    def accepts(cls, source: object) -> bool:
        """Whether this source is recognisably of this kind, judged without reading all of it."""

    @classmethod
    @abstractmethod
    def fit(cls, source: object, options: DataOptions) -> Dataset:
        """Open training data and learn what the modality needs to know about it (sizes, means)."""

    @abstractmethod
    def open(self, source: object) -> Items:
        """Open further data in the same way as the training data."""

    @property
    @abstractmethod
    def augmentation(self) -> Augmentation:
        """Makes views of a batch: ``augmentation(batch, keys)``. A plain function of these arguments also works."""

    @abstractmethod
    def inputs(self, batch: Batch) -> Batch:
        """The deterministic input of the encoder for these items, used to embed them."""

    @abstractmethod
    def baselines(self) -> Mapping[str, Baseline]:
        """Classical features of this kind of data by name, the simplest first: functions of a batch to (b, d)."""

    @abstractmethod
    def build_encoder(self, name: str, width: int | None) -> nn.Module:
        """A network (b, ...) -> (b, d) for this data; with ``auto`` and None the modality chooses."""

    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Everything that ``from_settings`` needs, as JSON values."""

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Modality:
        """The modality that ``settings`` came from."""

    def with_views(self, spec: str) -> Modality:
        """The same modality with other views, by their spec; items that it has opened stay valid."""
        return type(self).from_settings({**self.settings(), "views": spec})


@runtime_checkable
class HasColumns(Protocol):
    """Its data has columns with names."""

    def schema(self) -> Any:
        """What the columns are, a ``data.schema.Schema``."""

    def uses(self) -> Sequence[str]:
        """The columns that are features: a label among them would leak into the evaluation."""


@runtime_checkable
class OpensColumns(Protocol):
    """Further data can be opened by a named column, such as the answers instead of the questions."""

    def open_column(self, source: object, column: str) -> Items:
        """The items in this column."""

    def written_as(self) -> ReadOptions:
        """The options that the user gave for reading files of further data."""


@runtime_checkable
class ParsesQueries(Protocol):
    """An item can be typed as a query."""

    def parse_query(self, like: str) -> object | None:
        """The typed query as a source of one item; None where it is not one."""


@runtime_checkable
class DescribesInput(Protocol):
    """It describes the encoder's input, for those who run the encoder without this package."""

    def encoder_input(self) -> EncoderInput:
        """What ``inputs`` returns for one item."""


@runtime_checkable
class BorrowsEncoders(Protocol):
    """Some of its encoders are pretrained."""

    def recipe(self, encoder: str) -> Mapping[str, Any]:
        """Defaults for open choices with the encoder of this name; ``views`` is the number of views a run draws."""

    def rebuild_encoder(self, name: str, width: int | None) -> nn.Module:
        """The network of ``build_encoder`` without pretrained weights, which are about to be loaded."""


@runtime_checkable
class PadsViews(Protocol):
    """Its views vary in length."""

    def aligned(self, views: Views) -> Views:
        """The views of one batch padded to shapes that can be encoded together."""


@runtime_checkable
class CopiesNearly(Protocol):
    """It can make near-duplicates of an item."""

    def near_copies(self, batch: Batch, key: Int64[Tensor, " b"]) -> Views:
        """Encoder inputs of such near-duplicates."""


@runtime_checkable
class Hashes(Protocol):
    """It has a content hash of its items, which is computed without a model."""

    def content_hash(self, view: Batch) -> Float32[np.ndarray, "b d"]:
        """Vectors of encoder inputs, whose cosine is the similarity of their contents."""


@runtime_checkable
class Flattens(Protocol):
    """Its views need a transformation before their differences can be measured."""

    def flat(self, view: Batch) -> Float[Tensor, "b d"]:
        """Views after that transformation."""


@runtime_checkable
class ShowsPictures(Protocol):
    """Its items can be shown as pictures."""

    def picture(self, batch: Batch) -> Tensor:
        """The items as uint8 pictures (b, 3, h, w)."""

    def seen(self, view: Batch) -> Tensor:
        """Views as uint8 pictures (b, 3, s, s)."""


@runtime_checkable
class ShowsCells(Protocol):
    """Its items can be shown column by column."""

    def cells(self, batch: Batch) -> Sequence[Mapping[str, Cell]]:
        """The columns of every item."""


@runtime_checkable
class ShowsWords(Protocol):
    """Its views can be shown as text."""

    def view_words(self, view: Batch) -> Sequence[str]:
        """The text of every view."""


@runtime_checkable
class HasParts(Protocol):
    """Its items can be cut into parts, each of which can be masked."""

    def parts(self, item: Batch) -> Parts:
        """The parts of the single item of a batch."""

    def with_parts(self, item: Batch, kept: Bool[Tensor, "m n"], key: Int64[Tensor, " m"]) -> Batch:
        """Encoder inputs of the item, one per mask (True: kept), filled as by the views; see ``testing.parts``."""


GENTLE: Mapping[str, Any] = {"learning_rate": 1e-4, "batch_size": 64, "views": 100_000}
"""Defaults for a pretrained encoder: a low learning rate, and few epochs."""


def augmentation_of(modality: Modality) -> Augmentation:
    """The augmentation of a modality, with a plain function wrapped as one."""
    augmentation = modality.augmentation
    return augmentation if isinstance(augmentation, Augmentation) else Function(augmentation)


def label_preserving(modality: Modality) -> Modality:
    """The same modality with views that keep an item's class: a classifier is trained on those."""
    usual = augmentation_of(modality)
    gentle = usual.label_preserving()
    return modality if gentle is usual or gentle.spec is None else modality.with_views(gentle.spec)


def aligned(modality: Modality, views: Views) -> Views:
    """The views of one batch, padded to shapes that can be encoded together."""
    return modality.aligned(views) if isinstance(modality, PadsViews) else views


def flat(modality: Modality, view: Batch) -> Float[Tensor, "b d"]:
    """Views as vectors whose differences are meaningful, to measure how much an augmentation changes."""
    return modality.flat(view) if isinstance(modality, Flattens) else batch.flat(view)


def near_copies(modality: Modality, items: Batch, keys: AnyKeys) -> Views:
    """Encoder inputs of near-duplicates, or of views at a tenth of their strength; empty where there are no views."""
    if isinstance(modality, CopiesNearly):
        return modality.near_copies(items, hashed(keys))
    usual = augmentation_of(modality)
    return (usual.scaled(0.1)(items, keys),) if usual.available else ()


def recipe_for(modality: Modality, encoder: str, *, learned: bool) -> Mapping[str, Any]:
    """Defaults for open choices with an encoder; ``learned`` says that it starts from pretrained weights."""
    named = modality.recipe(encoder) if isinstance(modality, BorrowsEncoders) else {}
    return named or (GENTLE if learned else {})


def encoder_input(modality: Modality) -> EncoderInput | None:
    """The encoder's input, or None where the modality does not describe it."""
    return modality.encoder_input() if isinstance(modality, DescribesInput) else None


def rebuild_encoder(modality: Modality, name: str, width: int | None) -> nn.Module:
    """The network of ``build_encoder`` without pretrained weights, which are about to be loaded."""
    again = modality.rebuild_encoder if isinstance(modality, BorrowsEncoders) else modality.build_encoder
    return again(name, width)


def schema_of(modality: Modality) -> Any:
    """The schema of its data (``data.schema.Schema``), where columns have names; else None."""
    return modality.schema() if isinstance(modality, HasColumns) else None


def open_column(modality: Modality, source: object, column: str) -> Items:
    """Open further data by a named column."""
    if isinstance(modality, OpensColumns):
        return modality.open_column(source, column)
    raise InputError(f"A column is named of texts, and this model is of {modality.name}. Got the column '{column}'.")


def written_as(modality: Modality) -> ReadOptions:
    """The options that the user gave for reading files of further data."""
    return modality.written_as() if isinstance(modality, OpensColumns) else AS_IT_IS


def parse_query(modality: Modality, like: str) -> object | None:
    """The typed query as a source of one item; None where items cannot be typed."""
    return modality.parse_query(like) if isinstance(modality, ParsesQueries) else None
