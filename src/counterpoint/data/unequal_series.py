"""Series of unequal length in one array (n, c, t): NaN where a value is missing, and behind the end of a series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64, Num

from counterpoint.errors import SourceError

ROOM, TIMES = 1 << 30, 50
"""Bytes of float32 that padded series may always take, and beyond that, times the room of their values."""

Series = Num[np.ndarray, "c _"]


def lengths_of(values: Float64[np.ndarray, "n c t"]) -> Int64[np.ndarray, " n"]:
    """The number of steps of every series, up to its last present value; 0 where nothing is present.

    >>> lengths_of(np.array([[[1.0, np.nan, 2.0, np.nan]], [[np.nan] * 4]])).tolist()
    [3, 0]
    """
    there = ~np.isnan(values).all(axis=1)
    behind = there[:, ::-1].argmax(axis=1) if values.shape[2] else 0
    return np.where(there.any(axis=1), values.shape[2] - behind, 0).astype(np.int64)


def stacked(series: Sequence[Series]) -> Float64[np.ndarray, "n c t"]:
    """Series of equally many channels, padded with NaN to the longest.

    >>> stacked([np.ones((1, 2)), np.zeros((1, 1))]).tolist()
    [[[1.0, 1.0]], [[0.0, nan]]]

    Raises:
        SourceError: The padding would take too much memory.
    """
    steps = np.array([each.shape[1] for each in series])
    require_room(steps, len(series[0]))
    values = np.full((len(series), len(series[0]), int(steps.max())), np.nan)
    for place, each in enumerate(series):
        values[place, :, : each.shape[1]] = each
    return values


def split_at(values: Float64[np.ndarray, "c m"], steps: Int64[np.ndarray, " n"]) -> Float64[np.ndarray, "n c t"]:
    """Consecutive steps of all series as one array, given how many steps each series has.

    >>> split_at(np.arange(3.0)[None], np.array([1, 2])).tolist()
    [[[0.0, nan]], [[1.0, 2.0]]]

    Raises:
        SourceError: The padding would take too much memory.
    """
    require_room(steps, len(values))
    padded = np.full((len(values), len(steps), int(steps.max())), np.nan)
    padded[:, np.arange(padded.shape[2]) < steps[:, None]] = values
    return padded.transpose(1, 0, 2)


def require_room(steps: Int64[np.ndarray, " n"], channels: int) -> None:
    """Refuse series that are mostly padding, before memory is taken for it.

    Raises:
        SourceError: They are.
    """
    present, padded = int(steps.sum()) * channels, len(steps) * int(steps.max()) * channels
    if padded > TIMES * present and 4 * padded > ROOM:
        raise SourceError(
            f"The longest series has {steps.max():,} steps, and on average they have {steps.mean():,.0f}: padded to "
            f"one length they would take {4 * padded / ROOM:,.1f} GiB, {padded / max(1, present):,.0f} times the "
            "values that there are. Cut the longest series into shorter ones, or leave them out."
        )


def channel_axis(shapes: Sequence[tuple[int, ...]], axis: str, channels: int | None) -> int:
    """The axis of channels, 0 or 1, of series (c, t) or (t, c) of unequal length: the one that is equal in all.

    Args:
        shapes: The shape of every series.
        axis: The user's choice: first, last or auto.
        channels: How many there are; None if that is not known. Decides where both axes are equal in all.

    Raises:
        SourceError: No axis can be the one of the channels.

    >>> channel_axis([(20, 3), (31, 3)], "auto", None), channel_axis([(2, 20), (2, 31)], "auto", 2)
    (1, 0)
    """
    equal = [place for place in (0, 1) if len({shape[place] for shape in shapes}) == 1]
    chosen = {"first": [0], "last": [1]}.get(axis, [0, 1])
    able = [place for place in chosen if place in equal and channels in (None, shapes[0][place])]
    if able:
        return min(able, key=lambda place: shapes[0][place])
    first = shapes[0]
    odd = next((shape for shape in shapes if 0 not in equal and shape[0] != first[0]), shapes[-1])
    wanted = "equally many channels" if channels is None else f"{channels} channels"
    raise SourceError(
        f"Expected series (c, t) of {wanted}, of any length. Got one of shape {first} and one of shape {odd}."
    )


def uneven(moments: Float64[np.ndarray, " m"], of: Int64[np.ndarray, " m"]) -> float:
    """The share of the gaps between steps, in order, that differ by more than half from the median gap.

    >>> uneven(np.array([0.0, 1, 2, 3, 9, 0, 1]), np.array([0, 0, 0, 0, 0, 1, 1]))
    0.2
    """
    gaps = np.diff(moments)[np.diff(of) == 0]
    if not len(gaps):
        return 0.0
    usual = np.median(gaps)
    return float((np.abs(gaps - usual) > 0.5 * usual).mean())
