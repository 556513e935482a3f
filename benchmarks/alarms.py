"""Whether false alarms of ``anomalies`` are as many as was chosen: simulated, and for real images, series and tables.

Simulated: scores of normal items from heavy tails, alone and in groups of unequal sizes that are alike (correlation
0.8); a calibration of 100 groups and 1,000 new items, 200 times.

Real: normal items are those of one class, or of all. A short model is trained on a third of them; the others are
split again and again into normal and tested items, from the same vectors, and the share of tested items with an alarm
is averaged. ``seen`` is the same with normal items that the model was trained on and tested ones that it was not, as
where a run is given its training data as --normal: the guarantee does not cover that. Intervals are 1.96 standard
errors over the splits; as splits overlap they are too narrow by what the items themselves vary.

    python -m benchmarks.alarms [--fashion FOLDER] [--series PenDigits.npz] [--table waveform5000.csv.gz]
        [--splits 20] [--alarms 0.02 0.1] [--minutes 1]

The arguments are what Debian's package dataset-fashion-mnist installs, an .npz file with the arrays X (n, c, t) and y
of training items, and a .csv.gz file whose last column is the class.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np

import counterpoint as cp
from benchmarks.one_class import images_of
from counterpoint.anomaly_detection.conformal import Calibration, flagged
from counterpoint.anomaly_detection.design import Design
from counterpoint.anomaly_detection.scorer import scorer_of
from counterpoint.anomaly_detection.units import Units

SCORERS = ("knn", "mahalanobis")
MOST = 6000
"""Normal items of a data set."""


def written(shares: list[float]) -> str:
    mean, error = float(np.mean(shares)), 1.96 * float(np.std(shares, ddof=1)) / len(shares) ** 0.5
    return f"{mean:.2%} ({mean - error:.2%} to {mean + error:.2%})"


def simulated(alarm: float, *, grouped: bool, draws: int = 200) -> tuple[str, str]:
    """The share of false alarms with groups as units, and with items."""
    random = np.random.default_rng(0)
    by_group, by_item = [], []
    for _ in range(draws):
        sizes = random.geometric(0.2, 100) if grouped else np.ones(100, dtype=int)
        ids = np.repeat(np.arange(100), sizes)
        common, apart = (0.8**0.5, 0.2**0.5) if grouped else (0.0, 1.0)
        scores = common * random.standard_t(3, 100)[ids] + apart * random.standard_t(3, len(ids))
        new = common * random.standard_t(3, 1000) + apart * random.standard_t(3, 1000)
        for shares, units in ((by_group, ids), (by_item, np.arange(len(ids)))):
            shares.append(float(flagged(Calibration.of(scores, units).p_values(new), alarm).mean()))
    return written(by_group), written(by_item)


def of_splits(vectors: np.ndarray, tested: np.ndarray | None, spec: str, alarm: float, splits: int) -> str:
    """The share of false alarms over splits into normal and tested items; or, of ``tested``, over halves of normal."""
    shares = []
    for split in range(splits):
        order = np.random.default_rng(split).permutation(len(vectors))
        normal, new = (order[: len(order) // 2], order[len(order) // 2 :]) if tested is None else (order, None)
        queries = vectors[new] if tested is None else tested
        design = Design(Units.of(len(queries), None, None), Units.of(len(normal), None, None), 1000 + split)
        scored = design.scored(scorer_of(spec), queries, vectors[normal])
        assert scored.calibration is not None
        shares.append(float(flagged(scored.calibration.p_values(scored.scores), alarm).mean()))
    return written(shares)


def measured(name: str, items: Any, args: argparse.Namespace) -> None:
    order = np.random.default_rng(0).permutation(len(items))[:MOST]
    third = len(order) // 3
    model = cp.fit(items[order[:third]], minutes=args.minutes, quiet=True)
    seen, unseen = (model.represent(model.open(items[part])) for part in (order[:third], order[third:]))
    for spec in SCORERS:
        for alarm in args.alarms:
            fresh = of_splits(unseen, None, spec, alarm, args.splits)
            print(f"| {name}, {len(order):,} items | {spec} | {alarm:.0%} | {fresh} | ", end="")
            print(f"{of_splits(seen, unseen, spec, alarm, args.splits)} |", flush=True)


def series_of(path: Path) -> np.ndarray:
    with np.load(path, allow_pickle=False) as archive:
        name = next(each for each in archive.files if archive[each].ndim == 3)
        return np.asarray(archive[name], dtype=np.float32)


def table_of(path: Path) -> np.ndarray:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return np.asarray([row[:-1] for row in rows], dtype=np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("fashion", "series", "table"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--alarms", type=float, nargs="+", default=[0.02, 0.1])
    parser.add_argument("--minutes", type=float, default=1)
    args = parser.parse_args()
    for alarm in args.alarms:
        print(f"| simulated, independent | {alarm:.0%} | {simulated(alarm, grouped=False)[0]} | |")
        by_group, by_item = simulated(alarm, grouped=True)
        print(f"| simulated, groups | {alarm:.0%} | {by_group} | ignoring groups {by_item} |", flush=True)
    if args.fashion:
        images, classes = images_of(args.fashion, "train")
        measured("images, one class", images[classes == 0], args)
    if args.series:
        measured("series", series_of(args.series), args)
    if args.table:
        measured("table", table_of(args.table), args)


if __name__ == "__main__":
    main()
