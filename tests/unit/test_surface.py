"""Volumes under the surface against a slow loop over thresholds, steps and widths."""

import numpy as np
import pytest

from counterpoint.errors import InputError
from counterpoint.evaluation.surface import THRESHOLDS, volumes


def slow(event, score, window):
    """The formulas as they are written, one step at a time."""
    steps, areas = len(event), []
    inside = np.flatnonzero(event)
    for width in range(window + 1):
        distance = np.abs(np.arange(steps)[:, None] - inside).min(axis=1)
        starts = [t for t in inside if t == 0 or not event[t - 1]]
        ends = [t for t in inside if t == steps - 1 or not event[t + 1]]
        label = np.zeros(steps)
        for t in range(steps):
            near = [start - t for start in starts if 0 < start - t <= width // 2]
            near += [t - end for end in ends if 0 < t - end <= width // 2]
            label[t] = 1 if distance[t] == 0 else min(1, sum(np.sqrt(1 - d / width) for d in near))
        extended = distance <= width // 2
        pieces = np.split(np.arange(steps), np.flatnonzero(np.diff(extended)) + 1)
        pieces = [piece for piece in pieces if extended[piece[0]]]
        curve = [(0.0, 0.0, 1.0)]
        for place in np.linspace(0, steps - 1, THRESHOLDS).astype(int):
            above = score >= np.sort(score)[::-1][place]
            true = label[above].sum()
            positives = event.sum() + label[above & ~event].sum() / 2
            met = np.mean([above[piece].any() for piece in pieces])
            recall = min(1, true / positives) * met
            curve.append((recall, (above.sum() - true) / (steps - positives), true / above.sum()))
        recall, fall_out, precision = np.array([*curve, (1, 1, 0)]).T
        roc = sum((b - a) * (y + x) / 2 for a, b, x, y in zip(fall_out, fall_out[1:], recall, recall[1:], strict=False))
        pr = sum((b - a) * p for a, b, p in zip(recall[:-1], recall[1:-1], precision[1:], strict=False))
        areas.append((pr, roc))
    return np.mean(areas, axis=0)


def test_volumes_are_those_of_the_loop():
    random = np.random.default_rng(0)
    for window in (0, 1, 5, 12):
        event = np.zeros(120, dtype=bool)
        event[random.integers(20, 50) :][:9] = True
        event[70:80] = event[:2] = True
        score = np.round(random.normal(size=120) + event, 1)
        np.testing.assert_allclose(volumes(event, score, window=window), slow(event, score, window), atol=1e-12)


def test_random_scores_are_near_the_share_of_events_and_a_late_detection_is_forgiven():
    random, event = np.random.default_rng(1), np.zeros(2000, dtype=bool)
    event[500:600] = True
    assert volumes(event, random.normal(size=2000), window=50).precision < 0.12
    late = np.roll(event, 12).astype(float)
    assert volumes(event, late, window=50).precision > volumes(event, late, window=0).precision + 0.02
    for wrong, window in ((np.full(2000, np.nan), 5), (event[:-1], 5), (event.astype(float), -1)):
        with pytest.raises(InputError, match="need a score of every step"):
            volumes(event, np.asarray(wrong, dtype=float), window=window)
    with pytest.raises(InputError, match="0 in events"):
        volumes(~np.ones(9, dtype=bool), np.arange(9.0), window=2)
