"""Scorers of anomalies on tables and series: half of one class is normal, all other rows are tested.

The mean ROC-AUC over the first classes, of vectors of the trained and of the untrained encoder, beside standardised raw
values.  Images are in one_class.

    python -m benchmarks.scorers FILE ... [--classes 4] [--minutes 0.2]

A FILE is a .csv.gz whose last column is the class, or an .npz with x_train (n, c, t) and y_train.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

import counterpoint as cp
from benchmarks.alarms import series_of, table_of
from counterpoint.anomaly_detection.scorer import scorer_of

SCORERS = ("knn", "knn(metric='euclidean')", "mahalanobis")
MOST = 6000
"""Tested rows."""


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            return series_of(path), archive["y_train"]
    return table_of(path), np.loadtxt(path, dtype=str, delimiter=",", skiprows=1, usecols=-1)


def of_class(rows: np.ndarray, normal: np.ndarray, minutes: float) -> dict[str, float]:
    """The ROC-AUC of every scorer; ``normal`` says which rows are of the class."""
    random = np.random.default_rng(0)
    index = random.permutation(np.flatnonzero(normal))
    train = index[: len(index) // 2]
    tested = random.permutation(np.setdiff1d(np.arange(len(rows)), train))[:MOST]
    model = cp.fit(rows[train], minutes=minutes, quiet=True)
    raw = rows.reshape(len(rows), -1)
    raw = (raw - raw[train].mean(axis=0)) / (raw[train].std(axis=0) + 1e-6)
    vectors = {"raw": (raw[train], raw[tested])}
    for name, kept in (("trained", model), ("untrained", model.untrained())):
        vectors[name] = tuple(kept.represent(kept.open(rows[part])) for part in (train, tested))
    return {
        f"{name} {spec}": float(roc_auc_score(~normal[tested], scorer_of(spec)(h)(others)))
        for name, (h, others) in vectors.items()
        for spec in SCORERS
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=0.2)
    args = parser.parse_args()
    for path in args.files:
        rows, classes = read(path)
        every = [of_class(rows, classes == each, args.minutes) for each in np.unique(classes)[: args.classes]]
        for name in every[0]:
            print(f"| {path.name} | {name} | {np.mean([each[name] for each in every]):.3f} |", flush=True)


if __name__ == "__main__":
    main()
