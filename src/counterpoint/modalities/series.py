"""Series: measurements over time, standardised; views crop, scale, jitter and mask them.

Items are series (b, c, t) float32, ready for the encoder. All series of one source have the same length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor, nn

from counterpoint import catalogue
from counterpoint.data import memory_items
from counterpoint.data.features import moments
from counterpoint.data.frames import is_columns, read_frame
from counterpoint.data.schema import NO_COLUMNS, Column, Schema
from counterpoint.data.sheets import Sheet, later_sheet, read_sheet, sheet_of
from counterpoint.data.wide_series import Steps, form_of, read_steps
from counterpoint.errors import InputError, PlanError, SourceError, listed
from counterpoint.interfaces import Items, Parts, Views
from counterpoint.modality import Baseline, DataOptions, Dataset, EncoderInput, Modality
from counterpoint.plans.data_options import AS_IT_IS, ReadOptions
from counterpoint.storage.typed_json import Misfit, made
from counterpoint.views import near_copies, series_parts
from counterpoint.views.named import Named
from counterpoint.views.series_views import Waves

SHORTEST = 8
"""The fewest steps of a local view."""


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
    views: str
    schema: Schema
    options: ReadOptions


class Series(Modality):
    """Measurements over time.

    A 3-D array may hold its channels first (n, c, t) or last (n, t, c): in training the shorter axis is taken
    for the channels, later the one that has as many as in training.
    """

    name: ClassVar[str] = "series"
    usual_encoder: ClassVar[str] = "conv1d"
    only_here: ClassVar[frozenset[str]] = frozenset({"channel_axis"})

    def __init__(self, shape: Shape, augmentation: Callable[..., Tensor] | None = None) -> None:
        self.shape = shape
        self._augmentation = augmentation

    @classmethod
    def accepts(cls, source: object) -> bool:
        array = memory_items.array_of(source)
        if array is not None:
            return array.ndim == 3 and array.dtype.kind == "f" and array.shape[1] != array.shape[2]
        sheet = sheet_of(source)
        return sheet is not None and sheet.kind == cls.name

    @classmethod
    def fit(cls, source: object, options: DataOptions) -> Dataset:
        if options.view_size is not None:
            raise PlanError(
                f"view_size is for images; a series keeps its length. Got {options.view_size}. Leave it out."
            )
        form, columns, sheet = "array", list[str](), None
        if is_columns(source):
            sheet = read_sheet(source, options, cls.name)
            form, columns = form_of(sheet)
            steps = read_steps(sheet, form, columns)
        else:
            steps = Steps(_channels_first(_array(source, options.data), options.data.channel_axis, None))
        views = options.views if isinstance(options.views, str) else "callable"
        views = "waves" if views == "auto" else views
        mean, deviation = zip(
            *(moments(channel.reshape(-1)) for channel in steps.values.transpose(1, 0, 2)), strict=True
        )
        spread = [each if each > 0 else 1.0 for each in deviation]
        schema = NO_COLUMNS if sheet is None else sheet.schema
        shape = Shape(form, columns, list(mean), spread, views, schema, options.data)
        series = cls(shape, options.views if callable(options.views) else _changes(views))
        return Dataset(series, series._items(steps, sheet))

    def open(self, source: object) -> Items:
        if is_columns(source) == (self.shape.form == "array"):
            wanted = f"the columns {listed(self.shape.columns)}" if self.shape.columns else "an array"
            array = memory_items.array_of(source)
            got = repr(source)[:80] if array is None else f"an array of shape {array.shape}"
            if is_columns(source):
                got = f"the columns {listed(read_frame(source).columns)}"
            raise SourceError(f"The model was trained with {wanted}. Got {got}.")
        if self.shape.form == "array":
            axis, channels = self.shape.options.channel_axis, len(self.shape.mean)
            return self._items(Steps(_channels_first(_array(source, AS_IT_IS), axis, channels)), None)
        sheet = later_sheet(source, self.shape.schema, self.name, self.shape.options)
        if self.shape.form == "long":
            memory_items.required(sheet.frame.columns, self.shape.schema.of_role("id", "time"))
        return self._items(read_steps(sheet, self.shape.form, self.shape.columns), sheet)

    def schema(self) -> Schema:
        return self.shape.schema

    def uses(self) -> list[str]:
        """The columns that are used: a label among them would leak into the evaluation."""
        return list(self.shape.columns)

    @property
    def augmentation(self) -> Named:
        views = self.shape.views
        return Named(
            views,
            self._view,
            self.name,
            another=lambda spec: self.with_views(spec).augmentation,
            near=self._local_view,
            lost=self._augmentation is None and views == "callable",
        )

    def _view(self, batch: Float[Tensor, "b c t"], key: Int64[Tensor, " b"]) -> Float[Tensor, "b c t"]:
        if self._augmentation is None:
            self._augmentation = _changes(self.shape.views)
        return self._augmentation(batch, key)

    def _local_view(self, batch: Float[Tensor, "b c t"], key: Int64[Tensor, " b"]) -> Float[Tensor, "b c s"]:
        augmentation: Waves = catalogue.find("views", self.shape.views, only=self.name)().local()
        steps = batch.shape[2]
        return augmentation(batch, key, steps=max(min(SHORTEST, steps), steps // 2))

    def inputs(self, batch: Float[Tensor, "b c t"]) -> Float[Tensor, "b c t"]:
        return batch

    def cells(self, batch: Float[Tensor, "b c t"]) -> list[dict[str, list[float]]]:
        names = self._channels()
        mean, deviation = np.array(self.shape.mean)[:, None], np.array(self.shape.deviation)[:, None]
        measured = batch.cpu().numpy() * deviation + mean
        return [dict(zip(names, each.tolist(), strict=True)) for each in measured]

    def _channels(self) -> list[str]:
        count = len(self.shape.mean)
        named = self.shape.form in ("long", "lists") and len(self.shape.columns) == count
        return self.shape.columns if named else [f"channel {number}" for number in range(count)]

    def parts(self, item: Float[Tensor, "1 c t"]) -> Parts:
        return series_parts.segments(self._channels(), item.shape[2])

    def with_parts(
        self, item: Float[Tensor, "1 c t"], kept: Bool[Tensor, "m n"], key: Int64[Tensor, " m"]
    ) -> Float[Tensor, "m c t"]:
        return series_parts.with_segments(item, kept)

    def near_copies(self, batch: Float[Tensor, "b c t"], key: Int64[Tensor, " b"]) -> Views:
        return near_copies.numbers(batch, key)

    def baselines(self) -> dict[str, Baseline]:
        return {"raw values": lambda batch: batch.flatten(1)}

    def build_encoder(self, name: str, width: int | None) -> nn.Module:
        called = "conv1d" if name == "auto" else name
        part, channels = catalogue.find("encoder", called, only=self.name), len(self.shape.mean)
        network: nn.Module = part(channels) if width is None else part(channels, width=width)
        return network

    def encoder_input(self) -> EncoderInput:
        recipe = "Measurements in the order of time, less 'mean', divided by 'deviation', both per channel."
        return EncoderInput({"channels": len(self.shape.mean), "steps": None}, recipe)

    def settings(self) -> Mapping[str, Any]:
        return {**asdict(self.shape), "schema": self.shape.schema.settings(), "options": self.shape.options.record()}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Series:
        fields = {name: value for name, value in settings.items() if name != "names"}
        schema = Schema.from_settings(settings["schema"]) if "schema" in settings else _before_schemas(settings)
        shape = made(Shape, {**fields, "schema": schema, "options": settings.get("options", {})})
        if not 0 < len(shape.mean) == len(shape.deviation) < 2**16:
            raise Misfit(f"it has {len(shape.mean)} means and {len(shape.deviation)} deviations of its channels")
        return cls(shape)

    def _items(self, steps: Steps, sheet: Sheet | None) -> memory_items.Rows:
        mean, deviation = np.array(self.shape.mean)[:, None], np.array(self.shape.deviation)[:, None]
        items = memory_items.Rows.of((steps.values - mean) / deviation, steps.names)
        if sheet is None:
            return items
        frame, of = sheet.frame, steps.steps_of
        items = replace(
            items, labels=steps.labels, skipped=frame.skipped, notes=[*frame.notes, *sheet.remarks], frame=frame
        )
        return replace(items, rows=frame.rows) if of is None else replace(items, steps_of=of)


def _before_schemas(settings: Mapping[str, Any]) -> Schema:
    """The schema of a model that was saved before schemas existed."""
    columns = [Column(name, "number", "float") for name in settings["columns"]]
    if settings["form"] == "long":
        return Schema((Column("id", "id", "string"), Column("time", "time", "float"), *columns))
    return Schema.before(columns, settings.get("names"))


def _array(source: object, options: ReadOptions) -> Float64[np.ndarray, "n ..."]:
    if options.column or options.without or options.schema:
        raise SourceError("An array has no columns with names. Give columns with names, or cut the array first.")
    array = memory_items.array_of(source)
    if array is None or array.ndim not in (2, 3):
        got = repr(source) if array is None else f"the shape {array.shape}"
        raise SourceError(f"Series are an array (n, t) or (n, c, t), a .csv, .parquet or data frame. Got {got}.")
    return memory_items.finite(array, "item, step" if array.ndim == 2 else "item, channel, step")


def _channels_first(
    values: Float64[np.ndarray, "n ..."], axis: str, channels: int | None
) -> Float64[np.ndarray, "n c t"]:
    """Series with channels first: by the user's axis, else the axis with as many as in training, else the shorter."""
    if values.ndim == 2:
        values, axis = values[:, None], "first"
    _, first, second = values.shape
    wanted = {"first": first, "last": second}.get(axis, min(first, second) if channels is None else channels)
    if channels not in (None, wanted) or wanted not in (first, second):
        raise SourceError(f"Expected series of {channels} channels. Got an array of shape {values.shape}.")
    is_first = axis == "first" or (axis == "auto" and first == wanted)
    return values if is_first else values.transpose(0, 2, 1)


def _changes(views: str) -> Callable[..., Tensor]:
    """The augmentation as a function of a batch and its keys."""
    if views == "callable":
        raise InputError("This model was trained with views by a callable; give it again as views=... to train on.")
    part: Callable[..., Any] = catalogue.find("views", views, only="series")
    return part if ":" in views else part()
