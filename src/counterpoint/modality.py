"""A kind of data: how it is opened, looked at and encoded; what is asked of it, and what it says of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from jaxtyping import Float, Int64
from torch import Tensor, nn

from counterpoint.errors import InputError
from counterpoint.interfaces import Batch, Items, Views
from counterpoint.plans.data_options import AS_IT_IS, ReadOptions

GENTLE: Mapping[str, Any] = {"learning_rate": 1e-4, "batch_size": 64, "views": 100_000}
"""What a network wants that has learned before: small steps, and few."""


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
    def fit(cls, source: object, options: DataOptions) -> tuple[Modality, Items]:
        """Open training data and settle what the modality needs to know about it (sizes, means)."""

    @abstractmethod
    def open(self, source: object) -> Items:
        """Open further data, as the training data was."""

    def open_column(self, source: object, column: str) -> Items:
        """Open further data by a column that is named, such as the answers where questions would be read."""
        raise InputError(f"A column is named of texts, and this model is of {self.name}. Got the column '{column}'.")

    def written_as(self) -> ReadOptions:
        """How files of further data are written, as far as a person said it: their encoding, quotation marks, names."""
        return AS_IT_IS

    @abstractmethod
    def augmentation(self, batch: Batch, key: Int64[Tensor, " b"]) -> Tensor:
        """One random view of every item, drawn from its key."""

    def local(self, batch: Batch, key: Int64[Tensor, " b"]) -> Tensor | None:
        """A local view of every item, smaller than the usual one; None where this kind of data has none."""
        return None

    def aligned(self, views: Views) -> Views:
        """The views of one batch in shapes that can be encoded together, where they are of unequal length."""
        return views

    def flat(self, view: Tensor) -> Float[Tensor, "b d"]:
        """Views as numbers whose differences mean something, to say how much they change."""
        return view.flatten(1).float()

    @abstractmethod
    def inputs(self, batch: Batch) -> Tensor:
        """The items as an encoder sees them when nothing is random: what is embedded."""

    @abstractmethod
    def raw(self, batch: Batch) -> Float[Tensor, "b d"]:
        """The items as flat numbers: the baseline every score is compared with."""

    @abstractmethod
    def encoder(self, name: str, width: int | None) -> nn.Module:
        """A network (b, ...) -> (b, d) that fits this data; ``auto`` and None leave the choice to the modality."""

    def rebuild_encoder(self, name: str, width: int | None) -> nn.Module:
        """The same network, for weights that are to be filled in."""
        return self.encoder(name, width)

    def recipe(self, encoder: str, *, learned: bool = False) -> Mapping[str, Any]:
        """What open choices mean with an encoder that has learned before; ``views``, how many a run looks at.

        Some have by their name; ``learned`` says that this one has, by weights that it was given.
        """
        return GENTLE if learned else {}

    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Everything ``from_settings`` needs, as JSON can hold it."""

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Modality:
        """The modality that ``settings`` came from."""

    def strength(self, by: float) -> str:
        """Its views as a spec at ``by`` times their strength: the usual ones by 1, or where they cannot be scaled."""
        return str(self.settings().get("views", "auto"))

    def with_views(self, views: str) -> Modality:
        """The same modality with other views of the same size, by a spec; items that it has opened go with it."""
        return type(self).from_settings({**self.settings(), "views": views})

    def label_preserving(self) -> Modality:
        """The same with views that leave what an item is of: a classifier learns from those."""
        return self

    def near_copies(self, batch: Batch, key: Int64[Tensor, " b"]) -> Views:
        """What an encoder sees of copies of the items that were slightly changed; here views at a tenth of strength.

        They show how alike near-duplicates are to a model. Empty where no views can be drawn.
        """
        return (self.with_views(self.strength(0.1)).augmentation(batch, key),) if self.has_views() else ()

    def has_views(self) -> bool:
        """Whether views can be drawn: not where they were a callable that a saved model cannot hold."""
        return True

    def encoder_input(self) -> EncoderInput | None:
        """What ``inputs`` gives for one item, or None where nobody said; ``export`` writes it down."""
        return None

    def parse_query(self, like: str) -> object | None:
        """What a person typed, as a source of one item; None where items cannot be typed."""
        return None

    def uses(self) -> Sequence[str]:
        """The columns that are features, where the data has columns with names: a label among them is no test."""
        return ()

    def schema(self) -> Any:
        """What the columns of its data are (``data.schema.Schema``), where they have names; else None."""
        return None

    def picture(self, batch: Batch) -> Tensor | None:
        """The items as uint8 pictures (b, 3, h, w) for people, or None where the kind of data has none."""
        return None

    def cells(self, batch: Batch) -> Sequence[Mapping[str, Cell]] | None:
        """The items as people read them, column by column, or None where there are no columns."""
        return None

    def view_words(self, view: Tensor) -> Sequence[str] | None:
        """Views as people read them, or None where they are not read."""
        return None

    def seen(self, view: Tensor) -> Tensor | None:
        """A view as a uint8 picture (b, 3, s, s) for people, or None."""
        return None


@dataclass(frozen=True)
class DataOptions:
    """What the user asks of a modality; None and 'auto' leave it to the data."""

    kind: str = "auto"
    """The kind of data, where a person said it."""
    views: str | Callable[..., Any] = "auto"
    view_size: int | None = None
    data: ReadOptions = AS_IT_IS
    labels: object = None
    """What the classes of the items were said to be: a column of that name is not learned from."""
    encoder: str = "auto"
    weights: str | None = None
    """The file of weights that the encoder begins with."""
    preprocessing: Mapping[str, Any] | None = None
    """How pictures are brought to a network of the user's own, as it says of itself."""
    pairs: Sequence[str] = ()
    """The columns of what belongs together: anchors, their partners, and others that they are to be told apart from."""
    compares_items: bool = True
    """Whether items will be compared with each other, so that it matters which of them say the same."""
    progress: Callable[[int, int], None] | None = None
    """Is told how many items have been decoded, and of how many, where that takes time."""
