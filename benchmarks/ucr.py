"""Series of the UCR and UEA archives: frozen vectors beside 1-NN with dynamic time warping.

    python -m benchmarks.ucr ArrowHead.npz CBF.npz ... [--minutes 0.5] [--seeds 3] [--views waves]

Every file has x_train (n, c, t), y_train, x_test and y_test: the official split. A model learns from the training
series without labels. ``evaluate`` gives kNN and a linear probe on its vectors and on those of the baselines; beside
them stands 1-NN, on vectors by cosine, on series by dynamic time warping (Sakoe & Chiba 1978) of standardised channels,
all channels warped together, with a band of a tenth of the length.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

import counterpoint as cp

BAND = 0.1
CELLS = 2**24
"""Cells of alignments at once: 128 MB."""


def standardised(series: np.ndarray) -> np.ndarray:
    mean, deviation = series.mean(axis=2, keepdims=True), series.std(axis=2, keepdims=True)
    return (series - mean) / np.where(deviation > 0, deviation, 1)


def warped(queries: np.ndarray, items: np.ndarray) -> np.ndarray:
    """The squared distance by dynamic time warping of every query to every item."""
    steps = queries.shape[2]
    band = max(1, round(BAND * steps))
    result = np.empty((len(queries), len(items)))
    height = max(1, CELLS // (len(items) * steps))
    for start in range(0, len(queries), height):
        block = queries[start : start + height]
        before = np.full((len(block), len(items), steps + 1), np.inf)
        before[..., 0] = 0
        for i in range(steps):
            now = np.full_like(before, np.inf)
            for j in range(max(0, i - band), min(steps, i + band + 1)):
                cost = ((block[:, None, :, i] - items[None, :, :, j]) ** 2).sum(axis=2)
                now[..., j + 1] = cost + np.minimum(np.minimum(before[..., j], before[..., j + 1]), now[..., j])
            before = now
        result[start : start + height] = before[..., -1]
    return result


def nearest(similarity: np.ndarray, known: np.ndarray, truth: np.ndarray) -> float:
    """The accuracy of 1-NN."""
    return float((known[similarity.argmax(axis=1)] == truth).mean())


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--minutes", type=float, default=0.5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--views", default="auto")
    args = parser.parse_args()
    print(f"CPU capability {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads", flush=True)
    print("| set | seed | DTW 1-NN | trained 1-NN | kNN | linear | baselines: kNN, linear |\n" + "| --- " * 7 + "|")
    for file in args.files:
        with np.load(file) as archive:
            x, y, other, truth = (archive[name] for name in ("x_train", "y_train", "x_test", "y_test"))
        x, other = x.astype(np.float32), other.astype(np.float32)
        distance = warped(standardised(other.astype(np.float64)), standardised(x.astype(np.float64)))
        dtw = nearest(-distance, y, truth)
        for seed in range(args.seeds):
            model = cp.fit(x, modality="series", minutes=args.minutes, seed=seed, views=args.views, quiet=True)
            labels = (y.astype(str).tolist(), truth.astype(str).tolist())
            scores = cp.evaluate(model, train=x, test=other, labels=labels, quiet=True)
            alone = nearest(unit(model.embed(other).vectors) @ unit(model.embed(x).vectors).T, y, truth)
            beside = ", ".join(
                f"{name} {scores['knn']['baselines'][name]['value']:.3f} {each['value']:.3f}"
                for name, each in scores["linear"]["baselines"].items()
            )
            knn, linear = scores["knn"]["value"], scores["linear"]["value"]
            print(
                f"| {file.stem} | {seed} | {dtw:.3f} | {alone:.3f} | {knn:.3f} | {linear:.3f} | {beside} |", flush=True
            )


if __name__ == "__main__":
    main()
