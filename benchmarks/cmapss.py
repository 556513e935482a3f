"""Remaining life of engines (C-MAPSS FD001) from windows: ridge on frozen vectors beside ridge on the raw values.

    python -m benchmarks.cmapss cmapss.npz [--window 30] [--minutes 2] [--seeds 3] [--views near] [--width 64]

The model learns from the windows of all training engines without their life. Ridge regression learns the remaining
life, capped at 125 cycles, of every window's last cycle; its strength is chosen by cross-validation over engines. It is
judged on the last window of every test engine, as is usual, by the root of the mean squared error, with an interval by
bootstrap over engines. Test engines with fewer cycles than a window are padded with their first one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import counterpoint as cp
from counterpoint.evaluation.scores import raw_features
from counterpoint.interfaces import info_of

CAP = 125
ALPHAS = np.logspace(-2, 5, 15)
DRAWS = 2000


def engines(table: np.ndarray) -> list[np.ndarray]:
    """The settings and sensors of every engine, (cycles, 24)."""
    return [table[table[:, 0] == unit][:, 2:].astype(np.float64) for unit in np.unique(table[:, 0])]


def padded(series: np.ndarray, window: int) -> np.ndarray:
    return np.concatenate([np.repeat(series[:1], max(0, window - len(series)), axis=0), series])


def squared_errors(
    train: np.ndarray, life: np.ndarray, groups: np.ndarray, test: np.ndarray, truth: np.ndarray
) -> np.ndarray:
    """Of every test engine."""
    search = GridSearchCV(
        make_pipeline(StandardScaler(), Ridge()),
        {"ridge__alpha": ALPHAS},
        cv=GroupKFold(5),
        scoring="neg_mean_squared_error",
    )
    predicted = search.fit(train, life, groups=groups).predict(test)
    errors: np.ndarray = (np.clip(predicted, 0, CAP) - truth) ** 2
    return errors


def written(errors: np.ndarray, random: np.random.Generator) -> str:
    drawn = np.sqrt(errors[random.integers(0, len(errors), (DRAWS, len(errors)))].mean(axis=1))
    return f"{np.sqrt(errors.mean()):.2f} ({np.quantile(drawn, 0.025):.2f} to {np.quantile(drawn, 0.975):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--window", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--views", default="near")
    parser.add_argument("--width", type=int)
    args = parser.parse_args()
    print(f"CPU capability {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads", flush=True)
    with np.load(args.file) as archive:
        train, test = engines(archive["train_FD001"]), engines(archive["test_FD001"])
        truth = np.minimum(np.asarray(archive["RUL_FD001"], dtype=np.float64).reshape(-1), CAP)
    lasts = [padded(each, args.window)[-args.window :] for each in test]
    random = np.random.default_rng(0)
    for seed in range(args.seeds):
        choices = {"window": args.window, "minutes": args.minutes, "views": args.views, "width": args.width}
        model = cp.fit(train, seed=seed, quiet=True, **choices)
        known, held = model.open(train), model.open(lasts)
        windows = info_of(known).windows
        last = windows.start + args.window - 1
        life = np.minimum(np.diff(windows.bounds)[windows.series] - 1 - last, CAP).astype(np.float64)
        features = {
            "trained": (model.represent(known), model.represent(held)),
            "untrained": (model.untrained().represent(known), model.untrained().represent(held)),
            "raw windows": (raw_features(model.modality, known), raw_features(model.modality, held)),
        }
        for name in ("trained", "untrained"):
            pairs = zip(features[name], features["raw windows"], strict=True)
            features[f"{name}, with raw windows"] = tuple(np.concatenate(pair, axis=1) for pair in pairs)
        errors = {
            name: squared_errors(one, life, windows.series, other, truth) for name, (one, other) in features.items()
        }
        errors["mean life"] = (life.mean() - truth) ** 2
        print(f"\n| seed {seed} | RMSE | \n| --- | --- |")
        for name, each in errors.items():
            print(f"| {name} | {written(each, random)} |", flush=True)


if __name__ == "__main__":
    main()
