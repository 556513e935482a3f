"""Series: measurements over time, standardised; views crop, scale, jitter and mask them.

Items are series (b, c, t) float32, ready for the encoder: NaN where a value is missing, and behind the end of a series
that is shorter than the longest of its source.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor, nn

from counterpoint import batch as batches
from counterpoint import catalogue
from counterpoint.data import memory_items
from counterpoint.data.features import moments
from counterpoint.data.frames import is_columns, read_frame
from counterpoint.data.schema import NO_COLUMNS, Column, Schema
from counterpoint.data.series_arrays import are_series, series_of
from counterpoint.data.series_features import random_kernels, statistics
from counterpoint.data.series_items import series_items
from counterpoint.data.sheets import Sheet, later_sheet, read_sheet, sheet_of
from counterpoint.data.unequal_series import lengths_of
from counterpoint.data.wide_series import Steps, form_of, read_steps
from counterpoint.errors import InputError, PlanError, SourceError, listed
from counterpoint.interfaces import Items, Parts, Views
from counterpoint.modality import Baseline, DataOptions, Dataset, EncoderInput, Modality
from counterpoint.plans.data_options import ReadOptions
from counterpoint.storage.typed_json import Misfit, made
from counterpoint.views import near_copies, series_parts
from counterpoint.views.named import Named
from counterpoint.views.series_steps import at_length, filled, lengths
from counterpoint.views.series_views import SHORTEST, Waves


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
    steps: int | None = None
    """The median length, to which raw values are resampled; None in models of series of equal length."""


class Series(Modality):
    """Measurements over time.

    A 3-D array may hold its channels first (n, c, t) or last (n, t, c): in training the shorter axis is taken
    for the channels, later the one that has as many as in training. In a list of arrays of unequal length it is the
    axis that is equal in all.
    """

    name: ClassVar[str] = "series"
    usual_encoder: ClassVar[str] = "conv1d"
    only_here: ClassVar[frozenset[str]] = frozenset({"channel_axis"})

    def __init__(self, shape: Shape, augmentation: Callable[..., Tensor] | None = None) -> None:
        self.shape = shape
        self._augmentation = augmentation

    @classmethod
    def accepts(cls, source: object) -> bool:
        if are_series(source):
            return True
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
            steps = Steps(_values(source, options.data, None))
        views = options.views if isinstance(options.views, str) else "callable"
        views = "waves" if views == "auto" else views
        mean, deviation = zip(
            *(_moments(channel.reshape(-1)) for channel in steps.values.transpose(1, 0, 2)), strict=True
        )
        spread = [each if each > 0 else 1.0 for each in deviation]
        schema = NO_COLUMNS if sheet is None else sheet.schema
        there = lengths_of(steps.values)
        usual = int(np.median(there[there > 0])) if there.any() else 1
        shape = Shape(form, columns, list(mean), spread, views, schema, options.data, usual)
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
            return self._items(Steps(_values(source, self.shape.options, len(self.shape.mean))), None)
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

    def flat(self, view: Float[Tensor, "b c t"]) -> Float[Tensor, "b d"]:
        """Values in a row, 0 where one is missing."""
        return batches.flat(view.masked_fill(view.isnan(), 0.0))

    def cells(self, batch: Float[Tensor, "b c t"]) -> list[dict[str, list[float | None]]]:
        """The measured values of every channel, None where one is missing, up to the last step of the series."""
        names = self._channels()
        mean, deviation = np.array(self.shape.mean)[:, None], np.array(self.shape.deviation)[:, None]
        measured = batch.cpu().numpy() * deviation + mean
        return [
            {name: [None if math.isnan(value) else value for value in channel] for name, channel in of_item}
            for of_item in (
                zip(names, each[:, :steps].tolist(), strict=True)
                for each, steps in zip(measured, lengths(batch).tolist(), strict=True)
            )
        ]

    def _channels(self) -> list[str]:
        count = len(self.shape.mean)
        named = self.shape.form in ("long", "lists") and len(self.shape.columns) == count
        return self.shape.columns if named else [f"channel {number}" for number in range(count)]

    def parts(self, item: Float[Tensor, "1 c t"]) -> Parts:
        return series_parts.segments(self._channels(), int(lengths(item)))

    def with_parts(
        self, item: Float[Tensor, "1 c t"], kept: Bool[Tensor, "m n"], key: Int64[Tensor, " m"]
    ) -> Float[Tensor, "m c t"]:
        return series_parts.with_segments(item, kept)

    def near_copies(self, batch: Float[Tensor, "b c t"], key: Int64[Tensor, " b"]) -> Views:
        return *near_copies.numbers(batch, key), near_copies.resampled_back(batch)

    def baselines(self) -> dict[str, Baseline]:
        return {
            "raw values": lambda batch: self._whole(batch).flatten(1),
            "statistics": lambda batch: statistics(self._whole(batch)),
            "random kernels": lambda batch: random_kernels(self._whole(batch)),
        }

    def _whole(self, batch: Float[Tensor, "b c t"]) -> Float[Tensor, "b c s"]:
        """Series of one length without missing values."""
        return filled(batch) if self.shape.steps is None else at_length(batch, self.shape.steps)

    def build_encoder(self, name: str, width: int | None) -> nn.Module:
        called = "conv1d" if name == "auto" else name
        part, channels = catalogue.find("encoder", called, only=self.name), len(self.shape.mean)
        network: nn.Module = part(channels) if width is None else part(channels, width=width)
        return network

    def encoder_input(self) -> EncoderInput:
        recipe = (
            "Measurements in the order of time, less 'mean', divided by 'deviation', both per channel; NaN where one "
            "is missing, and in all channels behind the end of a series that is shorter than others."
        )
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
        if shape.steps is not None and not 0 < shape.steps < 2**31:
            raise Misfit(f"it has {shape.steps} steps")
        return cls(shape)

    def _items(self, steps: Steps, sheet: Sheet | None) -> memory_items.Rows:
        return series_items(steps, sheet, np.array(self.shape.mean), np.array(self.shape.deviation))


def _before_schemas(settings: Mapping[str, Any]) -> Schema:
    """The schema of a model that was saved before schemas existed."""
    columns = [Column(name, "number", "float") for name in settings["columns"]]
    if settings["form"] == "long":
        return Schema((Column("id", "id", "string"), Column("time", "time", "float"), *columns))
    return Schema.before(columns, settings.get("names"))


def _values(source: object, options: ReadOptions, channels: int | None) -> Float64[np.ndarray, "n c t"]:
    if channels is None and (options.column or options.without or options.schema):
        raise SourceError("An array has no columns with names. Give columns with names, or cut the array first.")
    return series_of(source, axis=options.channel_axis, channels=channels)


def _moments(channel: Float64[np.ndarray, " m"]) -> tuple[float, float]:
    """Mean and deviation of the present values; 0 and 1 where there are none."""
    present = channel[~np.isnan(channel)]
    return moments(present) if len(present) else (0.0, 1.0)


def _changes(views: str) -> Callable[..., Tensor]:
    """The augmentation as a function of a batch and its keys."""
    if views == "callable":
        raise InputError("This model was trained with views by a callable; give it again as views=... to train on.")
    part: Callable[..., Any] = catalogue.find("views", views, only="series")
    return part if ":" in views else part()
