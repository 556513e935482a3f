"""Anomalies in the 58 series of the Numenta Anomaly Benchmark, by volumes under the surface (VUS-PR).

As in TSB-AD (Liu & Paparrizos 2024), the first half of the steps before the first anomaly is taken to be normal, and
the whole series is scored; series without anomalies are left out. A model of windows is trained on the normal steps of
every series. Beside it stand the same scorer on the untrained encoder and on raw windows, Sub-PCA (Aggarwal 2017: the
distances of standardised windows of one period from the principal components, divided by the share of their variance,
of the whole series), and Sub-PCA averaged over the windows that cover a step, as our scores are.

    python -m benchmarks.nab nab.npz [--minutes 0.15] [--window 64] [--every 1] [--seed 0]

The margin of VUS is the period of each series, by its autocorrelation as in TSB-AD. Differences to Sub-PCA are paired,
with intervals of 1.96 standard errors over series.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from scipy.signal import argrelmax
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA

import counterpoint as cp
from counterpoint.anomaly_detection.scorer import fitted, scorer_of
from counterpoint.anomaly_detection.units import Units
from counterpoint.data.window_items import WindowInfo
from counterpoint.evaluation.scores import raw_features
from counterpoint.evaluation.surface import volumes
from counterpoint.interfaces import info_of

SCORERS = ("knn", "knn(metric='euclidean')", "mahalanobis")

FEWEST = 200
"""Steps that are taken to be normal at least."""

PERIOD = 125
"""The period of a series whose autocorrelation has no maximum between 6 and 303 steps."""


def period_of(series: np.ndarray) -> int:
    """The lag of the highest maximum of the autocorrelation."""
    centred = series[:20_000] - series[:20_000].mean()
    spectrum = np.abs(np.fft.rfft(centred, 2 * len(centred))) ** 2
    correlation = np.fft.irfft(spectrum)[3:401]
    maxima = argrelmax(correlation)[0]
    if not len(maxima):
        return PERIOD
    highest = int(maxima[correlation[maxima].argmax()])
    return highest + 3 if 3 <= highest <= 300 else PERIOD


def sub_pca(series: np.ndarray, width: int) -> np.ndarray:
    """The score of every window."""
    windows = np.lib.stride_tricks.sliding_window_view(series, width)
    deviation = windows.std(axis=0)
    standard = (windows - windows.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    found = PCA().fit(standard)
    share = np.maximum(found.explained_variance_ratio_, 1e-12)
    score: np.ndarray = (cdist(standard, found.components_) / share).sum(axis=1)
    return score


def over_time(scores: np.ndarray, windows: WindowInfo) -> np.ndarray:
    """The score of every step: that of the window in whose middle it is."""
    steps: np.ndarray = np.interp(np.arange(windows.bounds[-1]), windows.middle, scores)
    return steps


def scores_of(series: np.ndarray, normal: np.ndarray, args: argparse.Namespace) -> dict[str, np.ndarray]:
    """The score of every step by every contender."""
    model = cp.fit(normal, window=args.window, minutes=args.minutes, seed=args.seed, quiet=True)
    items, known = model.open(series), model.open(normal)
    windows = info_of(items).windows
    features = {"trained": model.represent, "untrained": model.untrained().represent}
    result = {}
    for name, represent in features.items():
        tested, fit = represent(items), represent(known)
        for spec in SCORERS:
            result[f"{name}, {spec}"] = fitted(scorer_of(spec), fit)(tested)
    raw = [raw_features(model.modality, each) for each in (items, known)]
    result["raw windows, knn"] = fitted(scorer_of("knn(metric='euclidean')"), raw[1])(raw[0])
    units = Units.of(len(items), None, windows)
    return {name: over_time(units.averaged(each), windows) for name, each in result.items()}


def measured(series: np.ndarray, event: np.ndarray, args: argparse.Namespace) -> dict[str, float]:
    """VUS-PR of every contender."""
    period = period_of(series)
    normal = series[: max(FEWEST, int(event.argmax()) // 2)]
    scores = scores_of(series, normal, args)
    alone = sub_pca(series, period)
    windows = WindowInfo.of(np.array([0, len(series)]), width=period, stride=1)
    scores["Sub-PCA"] = over_time(alone, windows)
    scores["Sub-PCA, averaged"] = over_time(Units.of(len(alone), None, windows).averaged(alone), windows)
    return {name: volumes(event, each, window=period).precision for name, each in scores.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="an .npz with an array (2, t) a series: values and labels")
    parser.add_argument("--minutes", type=float, default=0.15)
    parser.add_argument("--window", type=int, default=64)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(f"CPU capability {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads", flush=True)
    with np.load(args.file) as archive:
        every = {name: np.asarray(archive[name], dtype=np.float64) for name in archive.files}
    labelled = {name: each for name, each in every.items() if each[1].any()}
    rows: dict[str, list[float]] = {}
    for name in list(labelled)[:: args.every]:
        began = time.perf_counter()
        result = measured(labelled[name][0], labelled[name][1] > 0, args)
        for contender, value in result.items():
            rows.setdefault(contender, []).append(value)
        shown = ", ".join(f"{contender} {value:.2f}" for contender, value in result.items())
        print(f"{name}: {shown} ({time.perf_counter() - began:.0f} s)", flush=True)
    print("\n| contender | mean VUS-PR | minus Sub-PCA |\n| --- | --- | --- |")
    for contender, values in rows.items():
        gain = np.subtract(values, rows["Sub-PCA"])
        margin = 1.96 * gain.std(ddof=1) / len(gain) ** 0.5
        print(
            f"| {contender} | {np.mean(values):.3f} | "
            f"{gain.mean():+.3f} ({gain.mean() - margin:+.3f} to {gain.mean() + margin:+.3f}) |"
        )


if __name__ == "__main__":
    main()
