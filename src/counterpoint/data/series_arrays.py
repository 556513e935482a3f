"""Series in arrays: (n, t), (n, c, t) or (n, t, c), or a list of arrays (t), (c, t) or (t, c) of unequal length."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64
from torch import Tensor

from counterpoint.data.memory_items import array_of, finite
from counterpoint.data.unequal_series import channel_axis, stacked
from counterpoint.errors import SourceError

FEWEST = 3
"""Arrays in a list from which on they are taken for series: two may be the data of training and of a test."""


def are_series(source: object) -> bool:
    """Whether a source is clearly series: a 3-D array of floats, or a list of arrays of floats that differ in length.

    >>> are_series([np.ones(3), np.ones(2), np.ones(5)]), are_series([np.ones(3)] * 3), are_series(np.ones((5, 2, 9)))
    (True, False, True)
    """
    held = _listed(source)
    if held is not None:
        shapes = {each.shape for each in held}
        alike = len({len(shape) for shape in shapes}) == 1 and all(each.dtype.kind == "f" for each in held)
        one_channel = all(len(shape) == 1 for shape in shapes)
        return alike and len(held) >= FEWEST and (len(shapes) > 1 if one_channel else _share_an_axis(shapes))
    array = array_of(source)
    return array is not None and array.ndim == 3 and array.dtype.kind == "f" and array.shape[1] != array.shape[2]


def _share_an_axis(shapes: set[tuple[int, ...]]) -> bool:
    """Whether shapes (c, t) or (t, c) have equally many channels, and are not square as pictures are."""
    return any(len({shape[place] for shape in shapes}) == 1 for place in (0, 1)) and any(a != b for a, b in shapes)


def series_of(source: object, *, axis: str, channels: int | None) -> Float64[np.ndarray, "n c t"]:
    """The series of an array or a list of arrays, channels first, padded with NaN to one length.

    Args:
        source: The array, the file of one, or the list.
        axis: The place of the channels, first or last; with auto the axis that has as many as in training, else the
            one that is equal in all series, else the shorter.
        channels: The number of channels in training; None in training.

    Raises:
        SourceError: It is neither, values are infinite, or the number of channels differs.
    """
    held = _listed(source)
    if held is not None and len({each.ndim for each in held}) == 1:
        return _padded(held, axis, channels)
    array = array_of(source)
    if array is None or array.ndim not in (2, 3):
        got = repr(source)[:80] if array is None else f"the shape {array.shape}"
        raise SourceError(
            "Series are an array (n, t) or (n, c, t), a list of arrays (t) or (c, t), a .csv, .parquet or data frame. "
            f"Got {got}."
        )
    axes = "item, step" if array.ndim == 2 else "item, channel, step"
    return _channels_first(finite(array, axes, missing=True), axis, channels)


def _listed(source: object) -> list[np.ndarray] | None:
    """The arrays (t) or (c, t) in a list; None where the source is none of those, or an array as a whole."""
    if isinstance(source, np.ndarray) and source.dtype == object and source.ndim == 1:
        source = source.tolist()
    if not isinstance(source, list | tuple) or not source or not _may_be_series(source[0]) or _is_array(source):
        return None
    arrays = []
    for each in source:
        array = _array(each) if _may_be_series(each) else None
        if array is None or array.dtype.kind not in "biuf" or array.ndim not in (1, 2):
            return None
        arrays.append(array)
    return arrays


def _may_be_series(item: object) -> bool:
    """Whether an item is an array, or nested lists of numbers, judged by its first."""
    if isinstance(item, np.ndarray | Tensor):
        return item.ndim in (1, 2)
    while isinstance(item, list | tuple) and item:
        item = item[0]
    return isinstance(item, int | float | np.number)


def _is_array(source: list[Any] | tuple[Any, ...]) -> bool:
    """Whether nested lists are rows of equal length, so an array as a whole."""
    return isinstance(source[0], list | tuple) and array_of(source) is not None


def _array(item: object) -> np.ndarray | None:
    try:
        return np.asarray(item) if isinstance(item, list | tuple) else array_of(item)
    except ValueError:  # lists of unequal length
        return None


def _padded(series: list[np.ndarray], axis: str, channels: int | None) -> Float64[np.ndarray, "n c t"]:
    if series[0].ndim == 1:
        series, axis = [each[None] for each in series], "first"
    place = channel_axis([each.shape for each in series], axis, channels)
    return finite(stacked([each.T if place else each for each in series]), "item, channel, step", missing=True)


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
