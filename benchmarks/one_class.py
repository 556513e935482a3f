"""One class against the rest: trained on images of one class of Fashion-MNIST, tested on the test set.

The mean ROC-AUC over classes for each scorer on the vectors of the trained and of the untrained encoder, beside
baselines on pixels.  An item of another class is an anomaly.

    python -m benchmarks.one_class FOLDER [--classes 0 1 2] [--minutes 2] [--views NAME] [--method NAME] [--seed 0]

FOLDER is what Debian's package dataset-fashion-mnist installs: /usr/share/datasets/fashion-mnist.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

import counterpoint as cp
from counterpoint.anomaly_detection.scorer import scorer_of

SCORERS = ("knn", "knn(metric='euclidean')", "knn(bank=0.1)", "mahalanobis")
ON_PIXELS = ("knn(metric='euclidean')", "pca_residual", "isolation_forest", "three_sigma")


def images_of(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """The images (n, 28, 28) and classes (n,) of "train" or "t10k"."""
    held = [
        np.frombuffer(gzip.decompress((folder / f"{part}-{name}-ubyte.gz").read_bytes()), dtype=np.uint8)
        for name in ("images-idx3", "labels-idx1")
    ]
    return held[0][16:].reshape(-1, 28, 28), held[1][8:]


def of_class(
    label: int, args: argparse.Namespace, train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> dict[str, float]:
    normal, anomalous = train[0][train[1] == label], test[1] != label
    model = cp.fit(
        normal, minutes=args.minutes, method=args.method, views=args.views, seed=args.seed, modality="image", quiet=True
    )
    result = {}
    for name, kept in (("trained", model), ("untrained", model.untrained())):
        h, tested = (kept.represent(kept.open(each)) for each in (normal, test[0]))
        for spec in SCORERS:
            result[f"{name} {spec}"] = float(roc_auc_score(anomalous, scorer_of(spec)(h)(tested)))
    h, tested = (each.reshape(len(each), -1).astype(np.float32) / 255 for each in (normal, test[0]))
    for spec in ON_PIXELS:
        result[f"pixels {spec}"] = float(roc_auc_score(anomalous, scorer_of(spec)(h)(tested)))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--classes", type=int, nargs="+", default=list(range(10)))
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--method", default="simclr")
    parser.add_argument("--views", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    train, test = (images_of(args.folder, part) for part in ("train", "t10k"))
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
