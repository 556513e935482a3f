"""Windows of long series: every item is a window of ``--window`` steps, ``--stride`` steps after the one before.

Items are the values (b, c, t) float32 of the windows and of a few steps around them, standardised per channel. The
encoder sees every channel twice (b, 2 c, w): standardised within the window, which shows its shape, and by the training
data, which shows its level and its size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from counterpoint import catalogue
from counterpoint.data import long_series, memory_items
from counterpoint.data.frames import is_columns
from counterpoint.data.long_series import LongSeries
from counterpoint.data.schema import NO_COLUMNS, Schema
from counterpoint.data.sheets import later_sheet, read_sheet
from counterpoint.data.window_items import WindowInfo, WindowItems
from counterpoint.errors import InputError, SourceError, listed
from counterpoint.interfaces import Parts, Views
from counterpoint.modality import Baseline, DataOptions, Dataset, EncoderInput, Modality
from counterpoint.plans.data_options import ReadOptions
from counterpoint.storage.typed_json import Misfit, made
from counterpoint.views import near_copies, series_parts
from counterpoint.views.named import Named
from counterpoint.views.window_views import Near

WINDOW = 64
"""Steps of a window where none are named."""

ROOM = 2
"""Steps around a window, in shifts of its views: stronger views can shift further."""

SHARE = 0.05
"""The smallest deviation that a window is divided by, as a share of that of the training data: noise stays small."""

FAR = 10.0
"""The level and size of a window are clipped at so many deviations of the training data."""


@dataclass(frozen=True)
class WindowShape:
    """What the modality learned from its training data; ``columns`` is empty for arrays."""

    columns: list[str]
    mean: list[float]
    deviation: list[float]
    window: int
    stride: int
    context: int
    """Steps around each window that views may shift into."""
    views: str
    schema: Schema
    options: ReadOptions


class Windows(Modality):
    """Windows of one or several long series, of any length.

    An array is one series (t,) or (t, c), or several (n, c, t); columns have one row per step, in series by ``--id``.
    """

    name: ClassVar[str] = "windows"
    usual_encoder: ClassVar[str] = "window_conv"
    only_here: ClassVar[frozenset[str]] = frozenset({"channel_axis", "window", "stride"})

    def __init__(self, shape: WindowShape, augmentation: Callable[..., Tensor] | None = None) -> None:
        self.shape = shape
        self._augmentation = (
            None if augmentation is None else lambda around, key: augmentation(self._middle(around), key)
        )

    @classmethod
    def accepts(cls, source: object) -> bool:
        array = memory_items.array_of(source)  # of several series each may be an item, so a window has to be named
        return array is not None and array.ndim == 1 and array.dtype.kind in "biuf" and len(array) > WINDOW

    @classmethod
    def fit(cls, source: object, options: DataOptions) -> Dataset:
        data = options.data
        schema, columns = NO_COLUMNS, list[str]()
        if is_columns(source):
            sheet = read_sheet(source, options, "series")
            schema, columns = sheet.schema, sheet.schema.of_role("number")
            if not columns:
                raise SourceError(f"Series need columns of numbers. Columns: {listed(sheet.frame.columns)}.")
            series = long_series.of_sheet(sheet, columns)
        else:
            series = long_series.of_array(source, data.channel_axis, None)
        views = options.views if isinstance(options.views, str) else "callable"
        views = "near" if views == "auto" else views
        part = None if views == "callable" else _part(views)
        mean, deviation = series.moments()
        shape = WindowShape(
            columns,
            mean,
            [each or 1.0 for each in deviation],
            data.window or WINDOW,
            data.stride,
            ROOM * part.shift if isinstance(part, Near) else 0,
            views,
            schema,
            data,
        )
        windows = cls(shape, options.views if callable(options.views) else None)
        return Dataset(windows, windows._items(series))

    def open(self, source: object) -> WindowItems:
        if is_columns(source) != bool(self.shape.columns):
            wanted = f"the columns {listed(self.shape.columns)}" if self.shape.columns else "an array"
            raise SourceError(f"The model was trained with {wanted}. Got {repr(source)[:80]}.")
        if not self.shape.columns:
            axis, channels = self.shape.options.channel_axis, len(self.shape.mean)
            return self._items(long_series.of_array(source, axis, channels))
        sheet = later_sheet(source, self.shape.schema, "series", self.shape.options)
        memory_items.required(sheet.frame.columns, self.shape.schema.of_role("id", "time"))
        return self._items(long_series.of_sheet(sheet, self.shape.columns))

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
            lost=self._augmentation is None and views == "callable",
        )

    def _view(self, batch: Float[Tensor, "b c t"], key: Int64[Tensor, " b"]) -> Float[Tensor, "b e w"]:
        if self._augmentation is None:
            self._augmentation = _changes(self.shape.views, self.shape.window)
        return self._normalized(self._augmentation(batch, key))

    def inputs(self, batch: Float[Tensor, "b c t"]) -> Float[Tensor, "b e w"]:
        return self._normalized(self._middle(batch))

    def _middle(self, batch: Float[Tensor, "b c t"]) -> Float[Tensor, "b c w"]:
        """The windows without the steps around them."""
        margin = (batch.shape[2] - self.shape.window) // 2
        return batch[:, :, margin : margin + self.shape.window]

    def _normalized(self, windows: Float[Tensor, "b c w"]) -> Float[Tensor, "b e w"]:
        deviation, mean = torch.std_mean(windows, dim=2, keepdim=True, correction=0)
        return torch.cat([(windows - mean) / deviation.clamp(min=SHARE), windows.clamp(-FAR, FAR)], dim=1)

    def cells(self, batch: Float[Tensor, "b c t"]) -> list[dict[str, list[float]]]:
        mean, deviation = np.array(self.shape.mean)[:, None], np.array(self.shape.deviation)[:, None]
        measured = self._middle(batch).cpu().numpy() * deviation + mean
        return [dict(zip(self._channels(), each.tolist(), strict=True)) for each in measured]

    def _channels(self) -> list[str]:
        return self.shape.columns or [f"channel {number}" for number in range(len(self.shape.mean))]

    def parts(self, item: Float[Tensor, "1 c t"]) -> Parts:
        return series_parts.segments(self._channels(), self.shape.window)

    def with_parts(
        self, item: Float[Tensor, "1 c t"], kept: Bool[Tensor, "m n"], key: Int64[Tensor, " m"]
    ) -> Float[Tensor, "m e w"]:
        both = self.inputs(item).chunk(2, dim=1)  # its mean stays that of the whole window, so that parts are apart
        return torch.cat([series_parts.with_segments(each, kept) for each in both], dim=1)

    def near_copies(self, batch: Float[Tensor, "b c t"], key: Int64[Tensor, " b"]) -> Views:
        return tuple(self._normalized(each) for each in near_copies.numbers(self._middle(batch), key))

    def baselines(self) -> dict[str, Baseline]:
        channels = len(self.shape.mean)
        return {
            "raw values": lambda batch: self._middle(batch).flatten(1),
            "shapes": lambda batch: self.inputs(batch)[:, :channels].flatten(1),
        }

    def build_encoder(self, name: str, width: int | None) -> nn.Module:
        called = self.usual_encoder if name == "auto" else name
        part, channels = catalogue.find("encoder", called, only=self.name), 2 * len(self.shape.mean)
        network: nn.Module = part(channels) if width is None else part(channels, width=width)
        return network

    def encoder_input(self) -> EncoderInput:
        recipe = (
            "Windows in the order of time, less 'mean', divided by 'deviation', both per channel. First every channel "
            f"less the mean of the window, divided by the larger of its deviation and {SHARE}; then every channel as "
            f"it is, clipped at {FAR:g}."
        )
        return EncoderInput({"channels": 2 * len(self.shape.mean), "steps": self.shape.window}, recipe)

    def settings(self) -> Mapping[str, Any]:
        return {**asdict(self.shape), "schema": self.shape.schema.settings(), "options": self.shape.options.record()}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Windows:
        shape = made(WindowShape, {**settings, "schema": Schema.from_settings(settings["schema"])})
        if not 0 < len(shape.mean) == len(shape.deviation) < 2**16 or shape.window < 1 or shape.stride < 1:
            raise Misfit(
                f"it has {len(shape.mean)} means, {len(shape.deviation)} deviations, windows of {shape.window}"
            )
        return cls(shape)

    def _items(self, series: LongSeries) -> WindowItems:
        shape = self.shape
        windows = WindowInfo.of(series.starts, width=shape.window, stride=shape.stride)._replace(rows=series.rows)
        if not len(windows.start):
            longest = int(series.lengths.max(initial=0))
            raise SourceError(
                f"No series is as long as a window: the longest has {longest} steps, and a window {shape.window}. Give "
                "a longer series, or a smaller --window."
            )
        steps = torch.from_numpy((series.filled() - shape.mean) / shape.deviation).float()
        short = int((series.lengths < shape.window).sum())
        missing = int(np.isnan(series.steps).sum())
        notes, count = list(series.notes), len(series.lengths)
        notes += [f"{short:,} of {count:,} series are shorter than a window and left out"] if short else []
        notes += [f"{missing:,} missing values are filled on a line between those around them"] if missing else []
        labels = None if series.labels is None else [series.labels[step] for step in windows.middle]
        return WindowItems(steps, windows, series.names, shape.context, labels, notes=notes)


def _changes(views: str, window: int) -> Callable[..., Tensor]:
    """The augmentation as a function of windows with the steps around them, and keys."""
    if views == "callable":
        raise InputError("This model was trained with views by a callable; give it again as views=... to train on.")
    part = _part(views)
    return part if ":" in views else partial(part, window=window)


def _part(views: str) -> Callable[..., Any]:
    part: Callable[..., Any] = catalogue.find("views", views, only="windows")
    return part if ":" in views else part()
