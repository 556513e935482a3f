"""Anomalies of windows of series: parts that share no step, honest alarms, averages over time, events."""

import json

import numpy as np
import pandas as pd
import pytest

import counterpoint as cp
from counterpoint.anomaly_detection.conformal import flagged
from counterpoint.anomaly_detection.design import Design
from counterpoint.anomaly_detection.over_time import events_with_alarm
from counterpoint.anomaly_detection.overlapping_windows import averaged
from counterpoint.anomaly_detection.scorer import scorer_of
from counterpoint.anomaly_detection.units import Units
from counterpoint.data.window_items import WindowInfo
from counterpoint.errors import PlanError

WIDTH = 32


def windows_of(*lengths, stride=1, width=WIDTH):
    return WindowInfo.of(np.cumsum([0, *lengths]), width=width, stride=stride)


def steps(windows, rows):
    return {(int(windows.series[row]), int(windows.start[row]) + step) for row in rows for step in range(windows.width)}


def drawn(random, count):
    """A smooth series, whose neighbouring windows are nearly equal."""
    return np.convolve(random.normal(size=count + 14), np.hanning(15), "valid")


def cut(series):
    return np.lib.stride_tricks.sliding_window_view(series, WIDTH).astype(np.float32)


def test_parts_share_no_step_and_calibration_is_later():
    windows = windows_of(360, 160, 36, stride=3)
    units = Units.of(len(windows.start), None, windows)
    fitting, calibrating = units.halves(seed=0)
    assert not steps(windows, fitting) & steps(windows, calibrating)
    assert windows.start[fitting][windows.series[fitting] == 0].max() < windows.start[calibrating].max()
    assert len(fitting) + len(calibrating) > 0.8 * len(windows.start)
    folds = units.folds(seed=0)
    for fold in np.unique(folds):
        held = np.flatnonzero(folds == fold)
        assert not steps(windows, held) & steps(windows, units.apart(np.flatnonzero(folds != fold), held))


def test_alarms_are_as_rare_as_chosen_although_windows_overlap():
    random, honest, naive = np.random.default_rng(0), [], []
    normal, tested = windows_of(1200), windows_of(400)
    for _ in range(30):
        series = drawn(random, 1600)
        vectors = cut(series[:1200]), cut(series[1200:])
        for shares, units in ((honest, normal), (naive, None)):
            of_normal = Units.of(len(vectors[0]), None, units)
            of_tested = Units.of(len(vectors[1]), None, None if units is None else tested)
            scored = Design(of_tested, of_normal, 0).scored(scorer_of("knn(metric='euclidean')"), *vectors[::-1])
            shares.append(flagged(scored.calibration.p_values(scored.scores), 0.1).mean())
    assert np.mean(honest) < 0.13
    assert np.mean(naive) > 0.3


def test_averages_are_those_of_the_windows_that_cover_the_middle():
    windows = windows_of(90, 63, stride=2)
    scores = np.random.default_rng(1).normal(size=len(windows.start))
    expected = []
    for series, start in zip(windows.series, windows.start, strict=True):
        middle = start + WIDTH // 2
        covers = (windows.series == series) & (windows.start <= middle) & (middle < windows.start + WIDTH)
        expected.append(scores[covers].mean())
    np.testing.assert_allclose(averaged(scores, windows), expected)
    order = np.random.default_rng(2).permutation(len(scores))
    np.testing.assert_allclose(averaged(scores[order], windows.take(order)), np.asarray(expected)[order])


def test_events_of_neighbouring_series_are_two():
    windows = windows_of(10, 10, width=4)
    event = np.zeros(20, dtype=bool)
    event[8:12] = True
    flags = np.zeros(len(windows.start), dtype=bool)
    assert events_with_alarm(flags, windows, event)["of"] == 2


def test_a_burst_in_a_series_is_the_first_peak_beside_the_baselines(tmp_path):
    random = np.random.default_rng(3)
    series = np.sin(np.arange(900) / 4) + random.normal(0, 0.1, 900)
    series[700:712] += random.normal(0, 1.5, 12)
    label = np.zeros(900, dtype=int)
    label[700:712] = 1
    frame = pd.DataFrame({"when": np.arange(900)[::-1], "value": series[::-1], "label": label[::-1]})
    choices = {"window": 16, "epochs": 2, "width": 4, "precision": "fp32", "time": "when"}
    model = cp.fit(frame[400:], without="label", **choices)
    with pytest.raises(PlanError, match=r"needs 198 normal window lengths.*or alarm=0.063"):
        cp.anomalies(model, frame, normal=frame[450:])
    result = cp.anomalies(model, frame[:400], normal=frame[450:], alarm=0.1, labels="label", out=tmp_path / "out")
    first = result.items[0]
    assert first.index == result.peaks[0]
    assert abs(int(first.name.split(" ")[2]) + 8 - (706 - 500)) < 16
    found = result.detection
    assert found["vus_pr"]["value"] > 0.5
    assert found["events"] == {**found["events"], "value": 1.0, "of": 1}
    assert found["baselines"]["raw_knn"]["vus_pr"]["value"] > 0
    assert "VUS-PR" in str(result)
    record = json.loads((tmp_path / "out" / "anomalies.json").read_text())
    assert min(np.diff(sorted(record["peaks"]))) >= 16
    assert cp.anomalies(model, frame[:400]).alarm is None
