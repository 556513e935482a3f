"""Scores over time, where items are windows of series: volumes under the surface, and the events that have an alarm."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from counterpoint.data.window_items import WindowInfo
from counterpoint.evaluation.intervals import normal_quantile, t_quantile, wilson
from counterpoint.evaluation.surface import volumes


def surface(scores: Float64[np.ndarray, " n"], windows: WindowInfo, event: Bool[np.ndarray, " s"]) -> dict[str, Any]:
    """``vus_pr`` and ``vus_roc``: the means over series with events, with an interval where there are two or more.

    Args:
        scores: Of every window.
        windows: Where they lie.
        event: Whether each step of the source belongs to an anomaly.
    """
    measured, middle = [], windows.middle
    for series in np.unique(windows.series):
        start, end = windows.bounds[series : series + 2]
        inside, of_series = event[start:end], windows.series == series
        if inside.any() and not inside.all():
            over_time = np.interp(np.arange(start, end), middle[of_series], scores[of_series])
            measured.append(volumes(inside, over_time, window=windows.width))
    names = ("vus_pr", "vus_roc")
    return {name: _mean(np.asarray(each)) for name, each in zip(names, zip(*measured, strict=True), strict=False)}


def events_with_alarm(
    flags: Bool[np.ndarray, " n"], windows: WindowInfo, event: Bool[np.ndarray, " s"]
) -> dict[str, float]:
    """The share of events with an alarm at one of their steps, with its interval, and their number ``of``.

    >>> windows = WindowInfo.of(np.array([0, 8]), width=3, stride=1)
    >>> event = np.array([False, True, True, False, False, True, True, False])
    >>> share = events_with_alarm(np.array([False, True, False, False, False, False]), windows, event)
    >>> share["value"], share["of"]
    (0.5, 2)
    """
    ends = np.zeros(len(event), dtype=bool)
    ends[windows.bounds[:-1]] = True
    begins = event & (ends | ~np.concatenate([[False], event[:-1]]))
    number = np.cumsum(begins) - 1
    count, met = int(begins.sum()), np.unique(number[windows.middle[flags & event[windows.middle]]])
    return {**wilson(len(met) / count, count, normal_quantile(0.95))._asdict(), "of": count} if count else {}


def _mean(values: Float64[np.ndarray, " k"]) -> dict[str, float]:
    mean, count = float(values.mean()), len(values)
    if count < 2:
        return {"value": mean}
    margin = t_quantile(0.95, count - 1) * float(values.std(ddof=1)) / count**0.5
    return {"value": mean, "low": max(0.0, mean - margin), "high": min(1.0, mean + margin)}
