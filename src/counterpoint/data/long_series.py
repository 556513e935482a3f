"""Long series, one or several of any length: an array, a list of arrays, or columns with one row per step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64

from counterpoint.data import memory_items
from counterpoint.data.long_form import codes_of
from counterpoint.data.sheets import Sheet
from counterpoint.data.wide_series import in_time, series_column
from counterpoint.errors import SourceError, listed


@dataclass(frozen=True)
class LongSeries:
    """Series of any length, their steps stacked: series i begins at ``starts[i]`` and ends before ``starts[i + 1]``."""

    steps: Float64[np.ndarray, "s c"]
    """NaN where a value is missing."""
    starts: Int64[np.ndarray, " m"]
    names: Sequence[str]
    rows: Int64[np.ndarray, " s"] | None = None
    """The row of the source that each step comes from, where steps were in another order."""
    labels: Sequence[str | None] | None = None
    """The label of every step, where the source has a column of labels."""
    notes: Sequence[str] = ()
    """Notes for the user on how the source was read."""

    @property
    def lengths(self) -> Int64[np.ndarray, " n"]:
        """The number of steps of every series."""
        return np.diff(self.starts)

    def moments(self) -> tuple[list[float], list[float]]:
        """The mean and the standard deviation of every channel, 0 for one without values.

        Raises:
            SourceError: All channels are constant, or without values.
        """
        there = [channel[~np.isnan(channel)] for channel in self.steps.T]
        mean = [float(channel.mean()) if len(channel) else 0.0 for channel in there]
        deviation = [float(channel.std()) if len(channel) else 0.0 for channel in there]
        if not any(deviation):
            what = "All values are missing" if not any(map(len, there)) else "Every channel is constant"
            raise SourceError(f"{what}, so there is nothing to learn. Give series that change.")
        return mean, deviation

    def filled(self) -> Float32[np.ndarray, "s c"]:
        """The steps with missing values on the straight line between those around them, within each series.

        A channel that is missing in a whole series is 0 in it.
        """
        result = self.steps.copy()
        if np.isnan(result).any():
            for start, end in zip(self.starts[:-1], self.starts[1:], strict=True):
                for channel in result[start:end].T:
                    missing = np.isnan(channel)
                    if missing.all():
                        channel[:] = 0
                    elif missing.any():
                        at = np.arange(len(channel))
                        channel[missing] = np.interp(at[missing], at[~missing], channel[~missing])
        return result.astype(np.float32)


def of_array(source: object, axis: str, channels: int | None) -> LongSeries:
    """One series (t,), (t, c) or (c, t), several (n, c, t) or (n, t, c), or a list of the former.

    Of two axes the longer one is time, unless ``axis`` says where the channels are, or ``channels`` how many there are.

    Raises:
        SourceError: It is none of those, holds infinite values, or series differ in channels.
    """
    parts = list(_each(source))
    series = [_steps_first(each, axis, channels) for each in parts]
    widths = {each.shape[1] for each in series}
    if not series or len(widths) > 1 or (channels is not None and widths != {channels}):
        wanted = "equally many channels in every series" if channels is None else f"{channels} channels"
        raise SourceError(f"Expected {wanted}. Got {listed(map(str, sorted(widths)))}.")
    values = memory_items.finite(np.concatenate(series), "step, channel", missing=True)
    starts = np.concatenate([[0], np.cumsum([len(each) for each in series])])
    return LongSeries(values, starts, [str(place) for place in range(len(series))])


def _each(source: object) -> Iterator[np.ndarray]:
    if isinstance(source, list | tuple) and source and all(hasattr(each, "shape") for each in source):
        yield from (_numbers(each) for each in source)
        return
    array = memory_items.array_of(source)
    if array is None:
        raise SourceError(
            "Windows are cut from a .csv, .parquet or data frame with one row per step, or from arrays (t,), (t, c) or "
            f"(n, c, t). Got {repr(source)[:80]}."
        )
    array = _numbers(array)
    if array.ndim == 3:
        yield from array
    else:
        yield array


def _numbers(values: Any) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "biuf" or not 1 <= array.ndim <= 3 or not array.size:
        raise SourceError(f"Expected numbers, (t,), (t, c) or (n, t, c). Got {array.dtype} of shape {array.shape}.")
    return array.astype(np.float64)


def _steps_first(series: np.ndarray, axis: str, channels: int | None) -> Float64[np.ndarray, "t c"]:
    if series.ndim == 1:
        return series[:, None]
    if series.ndim != 2:
        raise SourceError(f"Expected a series (t,) or (t, c). Got the shape {series.shape}.")
    first, second = series.shape
    if axis == "auto" and channels is not None and channels in (first, second) and first != second:
        axis = "first" if first == channels else "last"
    if axis == "auto":
        axis = "first" if first < second else "last"
    return series.T if axis == "first" else series


def of_sheet(sheet: Sheet, channels: Sequence[str]) -> LongSeries:
    """The rows of a sheet as steps: grouped by the column of ids if it repeats itself, and sorted by time.

    Raises:
        SourceError: A column is missing, or two steps of a series are at the same time.
    """
    memory_items.required(sheet.frame.columns, channels)
    called = series_column(sheet)
    if called is None:
        names, which = ["0"], np.zeros(len(sheet.frame), dtype=np.int64)
    else:
        names, which = list(dict.fromkeys(sheet.words(called))), codes_of(sheet.frame, called)
    order, notes = in_time(sheet, names, which)
    values = np.stack([sheet.numbers(name)[order] for name in channels], axis=1)
    values = memory_items.finite(values, "step, channel", missing=True)
    labels = sheet.labels()
    starts = np.concatenate([[0], np.cumsum(np.bincount(which, minlength=len(names)))])
    labels_in_order = None if labels is None else [labels[row] for row in order]
    return LongSeries(values, starts, names, order, labels_in_order, [*sheet.frame.notes, *sheet.remarks, *notes])
