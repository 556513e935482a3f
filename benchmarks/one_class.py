"""One class against the rest: trained on images of one class of Fashion-MNIST, tested on the test set.

The mean ROC-AUC over classes for each scorer on the vectors of the trained and of the untrained encoder, beside
baselines on pixels.  An item of another class is an anomaly.  With --turns further rows add up the scores of a picture
and of its three quarter turns, each fitted to normal pictures that are turned alike.

    python -m benchmarks.one_class DATA [--classes 0 1 2] [--minutes 2 | --epochs 4] [--views NAME] [--method NAME]
        [--width 16] [--temperature 0.5] [--seed 0] [--turns] [--tested val]

DATA is what Debian's package dataset-fashion-mnist installs, /usr/share/datasets/fashion-mnist, or an .npz file with
train_images, train_labels, test_images and test_labels, such as those of MedMNIST.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import time
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

import counterpoint as cp
from counterpoint.anomaly_detection.scorer import scorer_of

SCORERS = ("knn", "mahalanobis")
ON_PIXELS = ("knn(metric='euclidean')", "pca_residual", "isolation_forest", "three_sigma")


def images_of(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """The images (n, 28, 28) and classes (n,) of "train" or "t10k"."""
    held = [
        np.frombuffer(gzip.decompress((folder / f"{part}-{name}-ubyte.gz").read_bytes()), dtype=np.uint8)
        for name in ("images-idx3", "labels-idx1")
    ]
    return held[0][16:].reshape(-1, 28, 28), held[1][8:]


def parts_of(data: Path, tested: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """The images and classes to train on, and to test."""
    if data.is_dir():
        return [images_of(data, part) for part in ("train", "t10k")]
    with np.load(data) as archive:
        return [(archive[f"{part}_images"], archive[f"{part}_labels"].ravel()) for part in ("train", tested)]


def turned(images: np.ndarray, quarters: int) -> np.ndarray:
    return np.ascontiguousarray(np.rot90(images, quarters, axes=(1, 2)))


def scored(model: cp.Model, normal: np.ndarray, tested: np.ndarray, *, turns: int) -> dict[str, np.ndarray]:
    """The scores of each scorer, and their sums over several turns."""
    result = {}
    vectors = [
        [model.represent(model.open(turned(each, quarters))) for each in (normal, tested)] for quarters in range(turns)
    ]
    for spec in SCORERS:
        by_turn = [scorer_of(spec)(h)(others) for h, others in vectors]
        result[spec] = by_turn[0]
        if turns > 1:
            result[f"turns {spec}"] = functools.reduce(np.add, by_turn)
    return result


def of_class(
    label: int, args: argparse.Namespace, train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> dict[str, float]:
    normal, anomalous = train[0][train[1] == label], test[1] != label
    choices = {name: getattr(args, name) for name in ("method", "views", "width", "temperature", "seed")}
    choices |= {"minutes": args.minutes} if args.epochs is None else {"epochs": args.epochs}
    began = time.process_time()
    model = cp.fit(normal, modality="image", quiet=True, **choices)
    result = {"processor seconds": time.process_time() - began}
    for name, kept in (("trained", model), ("untrained", model.untrained())):
        for spec, scores in scored(kept, normal, test[0], turns=4 if args.turns else 1).items():
            result[f"{name} {spec}"] = float(roc_auc_score(anomalous, scores))
    h, tested = (each.reshape(len(each), -1).astype(np.float32) / 255 for each in (normal, test[0]))
    for spec in ON_PIXELS:
        result[f"pixels {spec}"] = float(roc_auc_score(anomalous, scorer_of(spec)(h)(tested)))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--classes", type=int, nargs="+", default=list(range(10)))
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--width", type=int)
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--method", default="simclr")
    parser.add_argument("--views", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--turns", action="store_true")
    parser.add_argument("--tested", default="test", help="the part of an .npz file that is tested")
    args = parser.parse_args()
    train, test = parts_of(args.data, args.tested)
    every = []
    for label in args.classes:
        every.append(of_class(label, args, train, test))
        print(f"class {label}: " + "  ".join(f"{name} {value:.3f}" for name, value in every[-1].items()), flush=True)
    print("| score | mean ROC-AUC | least |\n|---|---|---|")
    for name in every[0]:
        values = [each[name] for each in every]
        print(f"| {name} | {np.mean(values):.3f} | {min(values):.3f} |")


if __name__ == "__main__":
    main()
