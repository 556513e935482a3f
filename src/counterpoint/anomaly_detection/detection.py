r"""How well scores separate labelled anomalies from normal items: ROC-AUC and average precision, with intervals.

    ROC-AUC   P(s(anomaly) > s(normal)) + P(s(anomaly) = s(normal)) / 2
    AP        sum_t (R_t - R_t-1) P_t,     over the distinct scores t, the largest first

Both are computed of weighted items, so that a bootstrap (Efron & Tibshirani 1993, chapter 13) is a matter of weights:
items are drawn among those of their kind, groups among all groups.  The interval of a score is that of a proportion of
equal variance (``evaluation.intervals``), since quantiles degenerate where all is correct; of a difference of two
scores it is the middle of the draws, which both share, at a level at which the intervals to all baselines hold
simultaneously (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from counterpoint.evaluation.intervals import (
    Interval,
    effective_items,
    normal_quantile,
    score_interval,
    t_quantile,
    wilson,
)

DRAWS = 1000
"""Bootstrap samples."""

CELLS = 2**22
"""Weights at once: 32 MB."""

Scores = Float64[np.ndarray, " m"]
Anomalous = Bool[np.ndarray, " m"]
GroupIds = Int64[np.ndarray, " m"]
Measure = Callable[[Float64[np.ndarray, "r t"], Float64[np.ndarray, "r t"]], Float64[np.ndarray, " r"]]
"""A measure of the weight of anomalies and of normal items at each distinct score, the largest first."""


def roc_auc(anomalies: Float64[np.ndarray, "r t"], normal: Float64[np.ndarray, "r t"]) -> Float64[np.ndarray, " r"]:
    """The area under the ROC curve.

    >>> roc_auc(np.asarray([[1.0, 0, 1]]), np.asarray([[0.0, 1, 1]]))
    array([0.625])
    """
    above = np.cumsum(anomalies, axis=1) - anomalies / 2
    area: np.ndarray = (above * normal).sum(axis=1) / (anomalies.sum(axis=1) * normal.sum(axis=1))
    return area


def average_precision(
    anomalies: Float64[np.ndarray, "r t"], normal: Float64[np.ndarray, "r t"]
) -> Float64[np.ndarray, " r"]:
    """The mean of the precision over the anomalies.

    >>> average_precision(np.asarray([[1.0, 0, 1]]), np.asarray([[0.0, 1, 0]])).round(3)
    array([0.833])
    """
    true = np.cumsum(anomalies, axis=1)
    every = true + np.cumsum(normal, axis=1)
    precision: np.ndarray = (anomalies * true / np.maximum(every, 1e-300)).sum(axis=1) / true[:, -1]
    return precision


MEASURES: Mapping[str, Measure] = {"roc_auc": roc_auc, "average_precision": average_precision}


def detection(
    scores: Scores, others: Mapping[str, Scores], anomalous: Anomalous, groups: GroupIds | None, *, seed: int
) -> dict[str, Any]:
    """ROC-AUC and average precision, each with ``value``, ``low`` and ``high``, ``baselines`` and ``differences``.

    Args:
        scores: Of the trained model.
        others: Of the baselines, by name.
        anomalous: The labels; of both kinds there is at least one.
        groups: The group of each item, which the bootstrap draws; None for items.
        seed: Of the bootstrap.
    """
    every = {"": scores, **others}
    values = {name: _measured(each, anomalous, np.ones((1, len(scores)))) for name, each in every.items()}
    drawn = _bootstrap(every, anomalous, groups, seed)
    units = _units(anomalous, groups)
    result: dict[str, Any] = {}
    for measure in MEASURES:
        ends = {
            name: _interval(float(values[name][measure][0]), drawn[name][measure], units, groups)._asdict()
            for name in every
        }
        chance = 0.5 if measure == "roc_auc" else float(anomalous.mean())
        gains = {name: _gain(values, drawn, name, measure) for name in others}
        result[measure] = {**ends.pop(""), "baselines": ends, "differences": gains, "chance": chance}
    return result


def rates(flags: Bool[np.ndarray, " m"], anomalous: Anomalous, groups: GroupIds | None) -> dict[str, Any]:
    """The ``detection_rate``, the share of anomalies with an alarm, and that of normal items, ``false_alarms``."""
    result = {}
    for name, kind in (("detection_rate", anomalous), ("false_alarms", ~anomalous)):
        of_kind = None if groups is None else groups[kind]
        result[name] = score_interval(flags[kind], groups=of_kind)._asdict() if kind.any() else None
    return result


def _bootstrap(
    every: Mapping[str, Scores], anomalous: Anomalous, groups: GroupIds | None, seed: int
) -> dict[str, dict[str, Float64[np.ndarray, " r"]]]:
    """The measures of every score over the same draws."""
    random, step = np.random.default_rng(seed), max(1, CELLS // len(anomalous))
    parts = []
    for start in range(0, DRAWS, step):
        weights = np.stack([_weights(anomalous, groups, random) for _ in range(min(step, DRAWS - start))])
        both = weights[(weights @ anomalous > 0) & (weights @ ~anomalous > 0)]
        parts.append({name: _measured(each, anomalous, both) for name, each in every.items()})
    return {
        name: {measure: np.concatenate([part[name][measure] for part in parts]) for measure in MEASURES}
        for name in every
    }


def _weights(anomalous: Anomalous, groups: GroupIds | None, random: np.random.Generator) -> Float64[np.ndarray, " m"]:
    """How often each item is drawn."""
    if groups is not None:
        units, place = np.unique(groups, return_inverse=True)
        return np.bincount(random.integers(0, len(units), len(units)), minlength=len(units))[place].astype(np.float64)
    weights = np.empty(len(anomalous))
    for kind in (anomalous, ~anomalous):
        count = int(kind.sum())
        weights[kind] = np.bincount(random.integers(0, count, count), minlength=count)
    return weights


def _measured(scores: Scores, anomalous: Anomalous, weights: Float64[np.ndarray, "r m"]) -> dict[str, np.ndarray]:
    """Every measure, for each row of weights."""
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(scores[order]) != 0))
    sums = [np.add.reduceat(weights[:, order] * kind[order], starts, axis=1) for kind in (anomalous, ~anomalous)]
    return {name: measure(*sums) for name, measure in MEASURES.items()}


def _units(anomalous: Anomalous, groups: GroupIds | None) -> int:
    """The number of independent items where nothing varies: those of the rarer kind, or half of the groups."""
    rarer = int(min(anomalous.sum(), (~anomalous).sum()))
    return rarer if groups is None else max(1, min(rarer, len(np.unique(groups)) // 2))


def _interval(value: float, drawn: Float64[np.ndarray, " r"], units: int, groups: GroupIds | None) -> Interval:
    if groups is not None and (len(np.unique(groups)) < 2 or len(drawn) < 2):
        return Interval(value, 0.0, 1.0)
    items = effective_items(value, float(np.var(drawn)), units)
    quantile = normal_quantile(0.95) if groups is None else t_quantile(0.95, len(np.unique(groups)) - 1)
    return wilson(value, items, quantile)


def _gain(
    values: Mapping[str, Mapping[str, np.ndarray]],
    drawn: Mapping[str, Mapping[str, np.ndarray]],
    name: str,
    measure: str,
) -> dict[str, float]:
    difference = float(values[""][measure][0] - values[name][measure][0])
    changes = drawn[""][measure] - drawn[name][measure]
    if len(changes) < 2:
        return Interval(difference, -1.0, 1.0)._asdict()
    tail = 0.025 / max(1, len(values) - 1)
    low, high = np.quantile(changes, [tail, 1 - tail])
    return Interval(difference, min(difference, float(low)), max(difference, float(high)))._asdict()
