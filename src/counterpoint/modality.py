"""A kind of data: how it is opened, augmented and encoded, and what some kinds can do besides."""

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

Cell = str | Sequence[float]
"""What stands in a column of an item: words, or numbers in the order of time."""


class EncoderInput(NamedTuple):
    """What an encoder is given of one item: for those who feed it without this package."""

    axes: Mapping[str, int | None]
    """The length of every axis after that of the batch, by its name; None for one of any length."""
    recipe: str
    """How it is made from the data, in words."""
    words: int | None = None
    """Where it is whole numbers, each of a word: how many words there are."""


class Dataset(NamedTuple):
    """A source that has been opened: the modality that fits it, and its items."""

    modality: Modality
    items: Items


class Modality(ABC):
    """A kind of data: how it is opened, augmented and encoded. Knows no method.

    A modality is described completely by ``settings`` (plain numbers and strings), which are saved with the model,
    so that new data is later read the way the training data was. What only some kinds of data can do is a protocol
    of its own, below.
    """

    name: ClassVar[str]
    usual_encoder: ClassVar[str]
    """What ``auto`` stands for."""
    ragged: ClassVar[bool] = False
    """Whether items are of unequal length, so that one has not the shape of all."""
    only_here: ClassVar[frozenset[str]] = frozenset()
    """The options of the data that say something of this kind, and not of every kind."""
    kept_apart: ClassVar[Mapping[str, str]] = {}
    """The settings that are long, and the file beside the weights that each is kept in, as JSON."""

    @classmethod
    @abstractmethod
    def accepts(cls, source: object) -> bool:
        """Whether this source is plainly of this kind, judged without reading all of it."""

    @classmethod
    @abstractmethod
    def fit(cls, source: object, options: DataOptions) -> Dataset:
        """Open training data and learn what the modality needs to know of it (sizes, means)."""

    @abstractmethod
    def open(self, source: object) -> Items:
        """Open further data, as the training data was."""

    @property
    @abstractmethod
    def augmentation(self) -> Augmentation:
        """What makes views of a batch: ``augmentation(batch, keys)``. A plain function of these does as well."""

    @abstractmethod
    def inputs(self, batch: Batch) -> Batch:
        """The items as an encoder takes them when nothing is random: what is embedded."""

    @abstractmethod
    def baselines(self) -> Mapping[str, Baseline]:
        """The classical features of this kind of data by name, the plainest first: functions of a batch to (b, d)."""

    @abstractmethod
    def build_encoder(self, name: str, width: int | None) -> nn.Module:
        """A network (b, ...) -> (b, d) that fits this data; ``auto`` and None leave the choice to the modality."""

    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Everything ``from_settings`` needs, as JSON can hold it."""

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Modality:
        """The modality that ``settings`` came from."""

    def with_views(self, spec: str) -> Modality:
        """The same modality with other views, by a spec; items that it has opened go with it."""
        return type(self).from_settings({**self.settings(), "views": spec})


@runtime_checkable
class HasColumns(Protocol):
    """Its data has columns with names."""

    def schema(self) -> Any:
        """What the columns are, a ``data.schema.Schema``."""

    def uses(self) -> Sequence[str]:
        """The columns that are features: a label among them is no test of the model."""


@runtime_checkable
class OpensColumns(Protocol):
    """Further data can be opened by a column that is named, such as the answers where questions would be read."""

    def open_column(self, source: object, column: str) -> Items:
        """The items in this column."""

    def written_as(self) -> ReadOptions:
        """How files of further data are written, as far as a person said it."""


@runtime_checkable
class ParsesQueries(Protocol):
    """An item can be typed."""

    def parse_query(self, like: str) -> object | None:
        """What was typed, as a source of one item; None where it is none."""


@runtime_checkable
class DescribesInput(Protocol):
    """It says what its encoder takes, for those who feed it without this package."""

    def encoder_input(self) -> EncoderInput:
        """What ``inputs`` gives for one item."""


@runtime_checkable
class BorrowsEncoders(Protocol):
    """Some of its encoders have learned before they come here."""

    def recipe(self, encoder: str) -> Mapping[str, Any]:
        """What open choices mean with the encoder of this name; ``views``, how many a run draws."""

    def rebuild_encoder(self, name: str, width: int | None) -> nn.Module:
        """The network of ``build_encoder``, for weights that are to be filled in."""


@runtime_checkable
class PadsViews(Protocol):
    """Its views are of unequal length."""

    def aligned(self, views: Views) -> Views:
        """The views of one batch in shapes that can be encoded together."""


@runtime_checkable
class CopiesNearly(Protocol):
    """It knows what copies of an item look like that somebody changed slightly."""

    def near_copies(self, batch: Batch, key: Int64[Tensor, " b"]) -> Views:
        """What an encoder sees of such copies."""


@runtime_checkable
class Hashes(Protocol):
    """Copies of its items are told by a hash of their contents, which no model has learned."""

    def content_hash(self, view: Batch) -> Float32[np.ndarray, "b d"]:
        """Signs, +1 and -1, of what an encoder sees; the more two items share, the more alike they are."""


@runtime_checkable
class Flattens(Protocol):
    """Differences of its views mean something in other numbers than their own."""

    def flat(self, view: Batch) -> Float[Tensor, "b d"]:
        """Views as those numbers."""


@runtime_checkable
class ShowsPictures(Protocol):
    """Its items can be looked at."""

    def picture(self, batch: Batch) -> Tensor:
        """The items as uint8 pictures (b, 3, h, w)."""

    def seen(self, view: Batch) -> Tensor:
        """Views as uint8 pictures (b, 3, s, s)."""


@runtime_checkable
class ShowsCells(Protocol):
    """Its items are read column by column."""

    def cells(self, batch: Batch) -> Sequence[Mapping[str, Cell]]:
        """The columns of every item."""


@runtime_checkable
class ShowsWords(Protocol):
    """Its views are read as text."""

    def view_words(self, view: Batch) -> Sequence[str]:
        """Every view as it reads."""


@runtime_checkable
class HasParts(Protocol):
    """Its items can be cut into parts, each of which can be left out."""

    def parts(self, item: Batch) -> Parts:
        """The parts of the one item of a batch."""

    def with_parts(self, item: Batch, kept: Bool[Tensor, "m n"], key: Int64[Tensor, " m"]) -> Batch:
        """The one item of a batch as an encoder takes it, once for each row of ``kept``.

        Parts that are not kept are filled as the views fill what they take away. What is random of that follows from
        ``key``; parts that are filled together are filled as each is alone. With all parts kept it is ``inputs``.
        """


GENTLE: Mapping[str, Any] = {"learning_rate": 1e-4, "batch_size": 64, "views": 100_000}
"""What an encoder wants that has learned before: small steps, and few."""


def augmentation_of(modality: Modality) -> Augmentation:
    """The augmentation of a modality, also where that is a plain function."""
    given = modality.augmentation
    return given if isinstance(given, Augmentation) else Function(given)


def label_preserving(modality: Modality) -> Modality:
    """The same modality with views that leave what an item is of: a classifier learns from those."""
    usual = augmentation_of(modality)
    gentle = usual.label_preserving()
    return modality if gentle is usual or gentle.spec is None else modality.with_views(gentle.spec)


def aligned(modality: Modality, views: Views) -> Views:
    """The views of one batch in shapes that can be encoded together."""
    return modality.aligned(views) if isinstance(modality, PadsViews) else views


def flat(modality: Modality, view: Batch) -> Float[Tensor, "b d"]:
    """Views as numbers whose differences mean something, to say how much they change."""
    return modality.flat(view) if isinstance(modality, Flattens) else batch.flat(view)


def near_copies(modality: Modality, items: Batch, keys: AnyKeys) -> Views:
    """What an encoder sees of slightly changed copies; where nobody says, views at a tenth of their strength.

    They show how alike near-duplicates are to a model. Empty where no views can be drawn.
    """
    if isinstance(modality, CopiesNearly):
        return modality.near_copies(items, hashed(keys))
    usual = augmentation_of(modality)
    return (usual.scaled(0.1)(items, keys),) if usual.available else ()


def recipe_for(modality: Modality, encoder: str, *, learned: bool) -> Mapping[str, Any]:
    """What open choices mean with an encoder; ``learned`` says that it was given weights that have learned before."""
    named = modality.recipe(encoder) if isinstance(modality, BorrowsEncoders) else {}
    return named or (GENTLE if learned else {})


def encoder_input(modality: Modality) -> EncoderInput | None:
    """What the encoder takes, or None where the modality does not say."""
    return modality.encoder_input() if isinstance(modality, DescribesInput) else None


def rebuild_encoder(modality: Modality, name: str, width: int | None) -> nn.Module:
    """The network of ``build_encoder``, for weights that are to be filled in."""
    again = modality.rebuild_encoder if isinstance(modality, BorrowsEncoders) else modality.build_encoder
    return again(name, width)


def schema_of(modality: Modality) -> Any:
    """What the columns of its data are (``data.schema.Schema``), where they have names; else None."""
    return modality.schema() if isinstance(modality, HasColumns) else None


def open_column(modality: Modality, source: object, column: str) -> Items:
    """Further data by a column that is named."""
    if isinstance(modality, OpensColumns):
        return modality.open_column(source, column)
    raise InputError(f"A column is named of texts, and this model is of {modality.name}. Got the column '{column}'.")


def written_as(modality: Modality) -> ReadOptions:
    """How files of further data are written, as far as a person said it."""
    return modality.written_as() if isinstance(modality, OpensColumns) else AS_IT_IS


def parse_query(modality: Modality, like: str) -> object | None:
    """What was typed, as a source of one item; None where items cannot be typed."""
    return modality.parse_query(like) if isinstance(modality, ParsesQueries) else None
