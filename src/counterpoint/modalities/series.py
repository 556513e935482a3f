"""Series: measurements in the order of time, standardised; views crop, scale, disturb and silence them.

Items are series (b, c, t) float32, ready for the encoder. All series of one source have the same length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int64
from torch import Tensor, nn

from counterpoint import catalogue
from counterpoint.data import rows
from counterpoint.data.frames import columns_of
from counterpoint.errors import InputError, PlanError, SourceError, listed
from counterpoint.interfaces import Items
from counterpoint.kinds import EncoderInput, Modality, Wishes
from counterpoint.views.strength import strengthened
from counterpoint.views.waves import Waves

SHORTEST = 8
"""Steps below which a local view shows nothing."""


@dataclass(frozen=True)
class Shape:
    """What the modality learned from its training data.

    ``form`` is array, wide (one row per series, one column per step), long (one row per step) or lists (one
    column per channel); ``columns`` are those that are read from a frame: steps if it is wide, else channels.
    """

    form: str
    columns: list[str]
    mean: list[float]
    deviation: list[float]
    names: str | None
    views: str


class Opened(NamedTuple):
    """Series as the source holds them, and their names if it gives them any."""

    values: Float64[np.ndarray, "n c t"]
    names: list[str] | None


class Series(Modality):
    """Measurements in the order of time.

    A 3-D array may hold its channels first (n, c, t) or last (n, t, c): in training the shorter axis is taken
    for the channels, later the one that has as many as in training.
    """

    name: ClassVar[str] = "series"
    usual_encoder: ClassVar[str] = "conv1d"

    def __init__(self, shape: Shape, look: Callable[..., Tensor] | None = None) -> None:
        self.shape = shape
        self._look = look

    @classmethod
    def claims(cls, source: object) -> bool:
        array = rows.array_of(source)
        if array is None:
            return rows.is_columns(source) and rows.looks_like_series(source)
        return array.ndim == 3 and array.dtype.kind == "f" and array.shape[1] != array.shape[2]

    @classmethod
    def learn(cls, source: object, wishes: Wishes) -> tuple[Series, Items]:
        if wishes.view_size is not None:
            raise PlanError(
                f"view_size is for images; a series keeps its length. Got {wishes.view_size}. Leave it out."
            )
        form, columns, names = "array", list[str](), None
        if rows.is_columns(source):
            found = rows.without(columns_of(source), wishes.data.without)
            form, columns, names = _form(found)
            opened = _from_columns(found, form, columns, names)
        elif wishes.data.without is not None:
            raise SourceError(f"There is no column '{wishes.data.without}': an array has no columns with names.")
        else:
            opened = Opened(_channels_first(_array(source), None), None)
        views = wishes.views if isinstance(wishes.views, str) else "callable"
        views = "waves" if views == "auto" else views
        mean, deviation = opened.values.mean(axis=(0, 2)), opened.values.std(axis=(0, 2))
        deviation = np.where(deviation > 0, deviation, 1.0)
        shape = Shape(form, columns, mean.tolist(), deviation.tolist(), names, views)
        series = cls(shape, wishes.views if callable(wishes.views) else _found(views))
        return series, series._items(opened)

    def open(self, source: object) -> Items:
        if rows.is_columns(source) == (self.shape.form == "array"):
            array = rows.array_of(source)
            wanted = f"the columns {listed(self.shape.columns)}" if self.shape.columns else "an array"
            got = repr(source) if array is None else f"an array of shape {array.shape}"
            if rows.is_columns(source):
                got = f"the columns {listed(rows.column_kinds(source))}"
            raise SourceError(f"The model was trained with {wanted}. Got {got}.")
        if self.shape.form == "array":
            return self._items(Opened(_channels_first(_array(source), len(self.shape.mean)), None))
        return self._items(_from_columns(columns_of(source), self.shape.form, self.shape.columns, self.shape.names))

    def uses(self) -> list[str]:
        """The columns that are seen; a label among them would be no test of the model."""
        return list(self.shape.columns)

    def look(self, batch: Float[Tensor, "b c t"], key: Int64[Tensor, " b"]) -> Float[Tensor, "b c t"]:
        if self._look is None:
            self._look = _found(self.shape.views)
        return self._look(batch, key)

    def strength(self, by: float) -> str:
        return strengthened(self.shape.views, by, only=self.name)

    def local(self, batch: Float[Tensor, "b c t"], key: Int64[Tensor, " b"]) -> Float[Tensor, "b c s"] | None:
        if catalogue.split(self.shape.views)[0] not in catalogue.SHELVES["views"]:
            return None
        look: Waves = catalogue.find("views", self.shape.views, only=self.name)().local()
        steps = batch.shape[2]
        return look(batch, key, steps=max(min(SHORTEST, steps), steps // 2))

    def can_look(self) -> bool:
        return self._look is not None or self.shape.views != "callable"

    def plain(self, batch: Float[Tensor, "b c t"]) -> Float[Tensor, "b c t"]:
        return batch

    def raw(self, batch: Float[Tensor, "b c t"]) -> Float[Tensor, "b d"]:
        return batch.flatten(1)

    def encoder(self, name: str, width: int | None) -> nn.Module:
        called = "conv1d" if name == "auto" else name
        part, channels = catalogue.find("encoder", called, only=self.name), len(self.shape.mean)
        network: nn.Module = part(channels) if width is None else part(channels, width=width)
        return network

    def encoder_input(self) -> EncoderInput:
        recipe = "Measurements in the order of time, less 'mean', divided by 'deviation', both per channel."
        return EncoderInput({"channels": len(self.shape.mean), "steps": None}, recipe)

    def settings(self) -> Mapping[str, Any]:
        return asdict(self.shape)

    @classmethod
    def restore(cls, settings: Mapping[str, Any]) -> Series:
        return cls(Shape(**settings))

    def _items(self, opened: Opened) -> rows.Rows:
        mean, deviation = np.array(self.shape.mean)[:, None], np.array(self.shape.deviation)[:, None]
        return rows.Rows.of((opened.values - mean) / deviation, opened.names)


def _array(source: object) -> Float64[np.ndarray, "n ..."]:
    array = rows.array_of(source)
    if array is None or array.ndim not in (2, 3):
        got = repr(source) if array is None else f"the shape {array.shape}"
        raise SourceError(f"Series are an array (n, t) or (n, c, t), a .csv, .parquet or data frame. Got {got}.")
    return rows.finite(array, "item, step" if array.ndim == 2 else "item, channel, step")


def _channels_first(values: Float64[np.ndarray, "n ..."], channels: int | None) -> Float64[np.ndarray, "n c t"]:
    """Series with their channels first; how many there are is known, or else the shorter axis holds them."""
    if values.ndim == 2:
        values = values[:, None]
    _, first, second = values.shape
    wanted = min(first, second) if channels is None else channels
    if wanted not in (first, second):
        raise SourceError(f"Expected series of {wanted} channels. Got an array of shape {values.shape}.")
    return values if first == wanted else values.transpose(0, 2, 1)


def _form(columns: rows.Columns) -> tuple[str, list[str], str | None]:
    """The form of a frame, the columns that are read, and the one that names the series."""
    lists = [name for name, cells in columns.items() if cells.ndim == 2]
    if lists:
        return "lists", lists, rows.name_column(columns)
    series, names = rows.series_column(columns), rows.name_column(columns)
    aside = [names] if series is None else [series, *rows.time_columns(columns)]
    numeric = [name for name, cells in columns.items() if cells.dtype != object and name not in aside]
    if not numeric:
        raise SourceError(f"Series need columns of numbers. Columns: {listed(columns)}.")
    return ("wide", numeric, names) if series is None else ("long", numeric, None)


def _from_columns(columns: rows.Columns, form: str, wanted: Sequence[str], names: str | None) -> Opened:
    rows.required(columns, wanted)
    depth, expected = (2, "lists of numbers") if form == "lists" else (1, "numbers")
    for name in wanted:
        if columns[name].dtype == object or columns[name].ndim != depth:
            raise SourceError(f"The column '{name}' holds no {expected}, as it did in training.")
    if form == "long":
        values, called = rows.long_series(columns, wanted)
        return Opened(rows.finite(values, "item, channel, step"), called)
    if form == "lists" and len({columns[name].shape for name in wanted}) > 1:
        steps = {name: columns[name].shape[1] for name in wanted}
        raise SourceError(f"The channels are ragged; their steps are {steps}. Cut or pad them to one length first.")
    values = np.stack([columns[name] for name in wanted], axis=1)
    values = values[:, None] if form == "wide" else values
    return Opened(rows.finite(values, "item, channel, step"), rows.names_in(columns, names))


def _found(views: str) -> Callable[..., Tensor]:
    """A function of a batch and its keys."""
    if views == "callable":
        raise InputError("This model was trained with views by a callable; give it again as views=... to train on.")
    part: Callable[..., Any] = catalogue.find("views", views, only="series")
    return part if ":" in views else part()
