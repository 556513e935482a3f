r"""Windows of long series as items: they overlap, so scores are averaged over time, and parts are kept apart.

    score(t) = mean of s_j over the windows j that cover step t

Park & Kang 2026, arXiv:2602.01359, section 3.4.  A window is given the score of its middle step.

Overlapping windows are nearly equal.  If a score were fitted to some and calibrated with others, calibration would find
them more normal than new ones.  So the calibrating windows are the later half of every series, and fitting windows that
share a step with one of them are left out.  The windows that begin within the same stretch of one window length are one
group: n overlapping windows tell as much about chance as n / width others.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from counterpoint.data.window_items import WindowInfo

Rows = Int64[np.ndarray, " _"]


def blocks(windows: WindowInfo) -> Int64[np.ndarray, " n"]:
    """The group of every window: windows that begin within one window length.

    >>> blocks(WindowInfo.of(np.array([0, 7]), width=2, stride=1)).tolist()
    [0, 0, 1, 1, 2, 2]
    """
    _, ids = np.unique(np.stack([windows.series, windows.start // windows.width], axis=1), axis=0, return_inverse=True)
    result: np.ndarray = ids.reshape(-1).astype(np.int64)
    return result


def segments(windows: WindowInfo, count: int) -> Int64[np.ndarray, " n"]:
    """The part of its series, from 0 to ``count`` - 1, that every window begins in.

    >>> segments(WindowInfo.of(np.array([0, 7, 10]), width=2, stride=1), 2).tolist()
    [0, 0, 0, 1, 1, 1, 0, 1]
    """
    last = np.zeros(len(windows.bounds) - 1, dtype=np.int64)
    np.maximum.at(last, windows.series, windows.start)
    parts: np.ndarray = windows.start * count // (last[windows.series] + 1)
    return parts


def apart(windows: WindowInfo, rows: Rows, others: Rows) -> Rows:
    """Those of ``rows`` that share no step with one of ``others``.

    >>> windows = WindowInfo.of(np.array([0, 8]), width=3, stride=1)
    >>> apart(windows, np.arange(6), np.array([5])).tolist()
    [0, 1, 2]
    """
    stretch = windows.bounds[-1] + 2 * windows.width
    first = windows.series * stretch + windows.start  # of different series they are more than a window apart
    sorted_firsts = np.sort(first[others])
    before = np.searchsorted(sorted_firsts, first[rows] - windows.width, side="right")
    until = np.searchsorted(sorted_firsts, first[rows] + windows.width, side="left")
    alone: np.ndarray = rows[before == until]
    return alone


def averaged(scores: Float64[np.ndarray, " n"], windows: WindowInfo) -> Float64[np.ndarray, " n"]:
    """For every window the mean score of the windows that cover its middle step.

    >>> averaged(np.array([0.0, 3.0, 0.0, 0.0]), WindowInfo.of(np.array([0, 6]), width=3, stride=1)).tolist()
    [1.5, 1.0, 1.0, 0.0]
    """
    result = np.empty(len(scores))
    for series in np.unique(windows.series):
        rows = np.flatnonzero(windows.series == series)
        rows = rows[np.argsort(windows.start[rows], kind="stable")]
        start, middle = windows.start[rows], windows.start[rows] + windows.width // 2
        total = np.concatenate([[0.0], np.cumsum(scores[rows])])
        low = np.searchsorted(start, middle - windows.width, side="right")
        high = np.searchsorted(start, middle, side="right")
        result[rows] = (total[high] - total[low]) / (high - low)
    return result


def peaks(scores: Float64[np.ndarray, " n"], windows: WindowInfo) -> list[int]:
    """The windows that share no step with one of a higher score that is listed, the highest first.

    >>> peaks(np.array([5.0, 6.0, 1.0, 2.0]), WindowInfo.of(np.array([0, 5]), width=2, stride=1))
    [1, 3]
    """
    stretch = int(windows.bounds[-1]) + windows.width
    free, listed = np.ones(len(windows.bounds) * stretch, dtype=bool), []
    for row in np.argsort(-scores, kind="stable").tolist():
        first = int(windows.series[row]) * stretch + int(windows.start[row])
        if free[first : first + windows.width].all():
            free[first : first + windows.width] = False
            listed.append(row)
    return listed
