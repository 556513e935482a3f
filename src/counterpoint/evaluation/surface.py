r"""Volumes under the surface (VUS): precision and ROC areas of anomaly scores over time that tolerate small shifts.

    l_w(t)  = 1 in an event,  sqrt(1 - d / w) at a distance d <= w / 2 from one,  else 0      (summed, at most 1)
    at the threshold s, with the steps A_s = {t: score_t >= s}, E events and P steps in them:
    TP = sum over A_s of l_w,     P_s = P + (sum over A_s outside events of l_w) / 2
    recall = min(1, TP / P_s) * (share of extended events that A_s meets),    precision = TP / |A_s|
    fall-out = (|A_s| - TP) / (n - P_s)
    VUS-PR, VUS-ROC = mean over w = 0, 1, ..., window of the areas under both curves

Paparrizos et al. 2022, "Volume Under the Surface: A New Accuracy Evaluation Measure for Time-Series Anomaly Detection",
PVLDB 15 (11), sections 4.1 and 4.2; with 250 thresholds, as in the authors' implementation.

Use when: labels mark stretches of time whose edges are uncertain.  Unlike point-adjusted F1, it does not count a whole
event as detected because one of its steps is, which random scores exploit (Kim et al. 2022, arXiv:2109.05257).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from counterpoint.errors import InputError

THRESHOLDS = 250


class Volumes(NamedTuple):
    """The volumes under the surface of precision and recall, and under that of the ROC curves, in [0, 1]."""

    precision: float
    roc: float


class Thresholds(NamedTuple):
    """Scores in descending order, and for each threshold how many reach it."""

    order: Int64[np.ndarray, " n"]
    value: Float64[np.ndarray, " s"]
    reached: Int64[np.ndarray, " s"]


def volumes(event: Bool[np.ndarray, " n"], score: Float[np.ndarray, " n"], *, window: int) -> Volumes:
    """VUS-PR and VUS-ROC of one series.

    Args:
        event: Whether each step belongs to an anomaly.
        score: The anomaly score of each step; larger is more anomalous.
        window: The largest width of the margin around events, in steps: usually the period of the series.

    Raises:
        InputError: There is no event or nothing else, a score is NaN, or ``window`` is negative.

    >>> event = np.array([False] * 50 + [True] * 10 + [False] * 40)
    >>> exact = volumes(event, event.astype(float), window=0)
    >>> late, wrong = (volumes(event, np.roll(event, by).astype(float), window=20) for by in (5, 40))
    >>> round(exact.precision, 2), late.precision > 3 * wrong.precision
    (1.0, True)
    """
    if event.shape != score.shape or event.all() or not event.any() or np.isnan(score).any() or window < 0:
        raise InputError(
            "Volumes under the surface need a score of every step, steps in events and others, and a window of at "
            f"least 0. Got {len(event)} steps, {int(event.sum())} in events, {len(score)} scores, "
            f"{int(np.isnan(score).sum())} of them NaN, and a window of {window}."
        )
    score = score.astype(np.float64)
    order = np.argsort(-score, kind="stable")
    value = score[order[np.linspace(0, len(score) - 1, THRESHOLDS).astype(int)]]
    thresholds = Thresholds(order, value, np.searchsorted(-score[order], -value, side="right"))
    edges = np.flatnonzero(np.diff(event, prepend=False, append=False))
    areas = [_areas(event, score, thresholds, (edges[::2], edges[1::2] - 1), width) for width in range(window + 1)]
    precision, roc = np.mean(areas, axis=0).tolist()
    return Volumes(precision, roc)


def _areas(
    event: Bool[np.ndarray, " n"],
    score: Float64[np.ndarray, " n"],
    thresholds: Thresholds,
    events: tuple[Int64[np.ndarray, " e"], Int64[np.ndarray, " e"]],
    width: int,
) -> tuple[float, float]:
    """The areas under the curves of precision and recall, and of ROC, with margins of this width."""
    margin = np.where(event, 0.0, _extended(len(event), events, width))
    order, value, reached = thresholds
    soft = np.concatenate([[0.0], np.cumsum(margin[order])])[reached]
    positive = np.concatenate([[0], np.cumsum(event[order])])[reached] + soft
    total = event.sum() + soft / 2
    highest = np.sort([score[start : end + 1].max() for start, end in _merged(len(event), events, width // 2)])
    met = (len(highest) - np.searchsorted(highest, value)) / len(highest)
    recall = np.minimum(positive / total, 1) * met
    precision = positive / reached
    fall_out = (reached - positive) / (len(event) - total)
    steps = np.diff(np.concatenate([[0.0], recall]))
    x, y = np.concatenate([[0.0], fall_out, [1.0]]), np.concatenate([[0.0], recall, [1.0]])
    return float(steps @ precision), float(np.diff(x) @ (y[1:] + y[:-1]) / 2)


def _extended(
    steps: int, events: tuple[Int64[np.ndarray, " e"], Int64[np.ndarray, " e"]], width: int
) -> Float64[np.ndarray, " n"]:
    """l_w of the steps outside of events; other values are meaningless."""
    label = np.zeros(steps)
    if width < 2:
        return label
    distance = np.arange(1, width // 2 + 1)
    value = np.sqrt(1 - distance / width)
    for start, end in zip(*events, strict=True):
        for step in (start - distance, end + distance):
            inside = (step >= 0) & (step < steps)
            label[step[inside]] += value[inside]
    return np.minimum(label, 1)


def _merged(
    steps: int, events: tuple[Int64[np.ndarray, " e"], Int64[np.ndarray, " e"]], margin: int
) -> list[tuple[int, int]]:
    """First and last step of every event with its margins; events whose margins meet are one."""
    result: list[tuple[int, int]] = []
    for start, end in zip(*(each.tolist() for each in events), strict=True):
        first, last = max(0, start - margin), min(steps - 1, end + margin)
        if result and result[-1][1] >= start - margin:
            first = result.pop()[0]
        result.append((first, last))
    return result
