"""What the three minutes of the demo buy on a slow machine, measured by work rather than by a clock.

Two cores with AVX2 and without bf16 do about 900 views a second of the usual plan, 153,000 in the time of the demo. The
usual plan and the one that ``counterpoint.setup.defaults`` makes of it are trained for what that affords, in fp32,
with three seeds, and asked for the classes of the bundled test pictures.

    ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 python benchmarks/slow_machine.py [--quick] [--precision fp32]
        [--arrays FOLDER]

``--arrays`` takes pictures that ``benchmarks/unpack_mosaics.py`` has written in place of the bundled ones.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import counterpoint as cp
from counterpoint.setup.defaults import WARMUP, affordable_batch

VIEWS = 153_000
USUAL = 256

COST = {256: 1.0, 128: 1.04, 64: 1.08}
"""What a view costs in a batch of this size, beside one of 256: measured on one thread with AVX2."""


BUNDLED = {"train": "sample:fashion", "test": "sample:fashion-test"}


def arrays(folder: Path) -> dict[str, Any]:
    """What ``evaluate`` takes of the pictures to train on; it hides a fifth of their labels."""
    return {"train": np.load(folder / "train_x.npy"), "labels": np.load(folder / "train_y.npy")}


def choices(batch: int, views: int, items: int) -> dict[str, Any]:
    """A plan of this batch, for as many whole epochs as so many views of the usual plan cost."""
    per_epoch = items // batch
    epochs = max(1, int(views / COST[batch] / 2 / batch) // per_epoch)
    return {"batch_size": batch, "epochs": epochs, "warmup": 0.05 if batch == USUAL else WARMUP}


def row(name: str, seed: int, plan: dict[str, Any], data: dict[str, Any]) -> str:
    """One training and its scores, each with its interval and what it is better by, as a row of a table."""
    model = cp.fit(data["train"], seed=seed, **plan)
    scores = cp.evaluate(model, **data, seed=0)
    cells = [name, str(seed), str(plan["epochs"])]
    for kind in ("knn", "linear"):
        result = scores[kind]
        cells.append(f"{result['value']:.3f} ({result['low']:.3f} to {result['high']:.3f})")
        for baseline in ("raw", "untrained"):
            value, low, high = (result["differences"][baseline][end] for end in ("value", "low", "high"))
            cells.append(f"{value:+.3f} ({low:+.3f} to {high:+.3f})")
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--quick", action="store_true", help="a tenth of the views, and one seed")
    asked.add_argument("--precision", default="fp32")
    asked.add_argument("--arrays", type=Path)
    given = asked.parse_args()
    data = arrays(given.arrays) if given.arrays else BUNDLED
    items = len(data["train"]) if given.arrays else 6_000
    views = VIEWS // 10 if given.quick else VIEWS
    short = affordable_batch(USUAL, steps=views // 2 // USUAL)
    print("| plan | seed | epochs | kNN | minus raw | minus untrained | linear | minus raw | minus untrained |")
    print("|" + " --- |" * 9)
    for seed in range(1 if given.quick else 3):
        for name, batch in (("usual", USUAL), ("little time", short)):
            plan = choices(batch, views, items) | {"precision": given.precision}
            print(row(name, seed, plan, data), flush=True)


if __name__ == "__main__":
    main()
