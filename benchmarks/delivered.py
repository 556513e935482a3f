"""What ``semi`` hands over for 4 labels a class and 8 minutes, beside logistic regression on 16 x 16 pixels.

    python benchmarks/delivered.py FOLDER OUT [--minutes 8] [--per-class 4] [--draws 5]

FOLDER holds train and test, each with a folder of photos for every class. Every draw names other photos of train,
learns without labels from all of train, and is asked about test, of which nothing was learned. To be slow:
ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

import counterpoint as cp
from counterpoint.evaluation.linear import linear_probe
from counterpoint.evaluation.repeats import difference_over_draws, score_over_draws


def small(folder: Path) -> np.ndarray:
    """All photos as 16 x 16 pixels, in the order in which they are opened."""
    from PIL import Image

    pictures = [Image.open(path).convert("RGB").resize((16, 16)) for path in sorted(folder.glob("*/*"))]
    return np.stack([np.asarray(each, dtype=np.float32).ravel() / 255 for each in pictures])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--per-class", type=int, default=4)
    parser.add_argument("--draws", type=int, default=5)
    given = parser.parse_args()
    train, test = (sorted((given.folder / part).glob("*/*")) for part in ("train", "test"))
    class_ids, answers = (np.asarray([path.parent.name for path in part]) for part in (train, test))
    x, x_test = small(given.folder / "train"), small(given.folder / "test")
    print(torch.backends.cpu.get_cpu_capability(), torch.get_num_threads(), "threads", flush=True)
    right: dict[str, list[np.ndarray]] = {"delivered": [], "pixels": []}
    for draw in range(given.draws):
        random = np.random.default_rng(draw)
        rows = np.concatenate(
            [random.permutation(np.flatnonzero(class_ids == each))[: given.per_class] for each in np.unique(class_ids)]
        )
        names = [str(path.relative_to(given.folder / "train")) for path in train]
        labels = given.out / f"labels-{draw}.csv"
        labels.parent.mkdir(parents=True, exist_ok=True)
        labels.write_text(
            "name,label\n" + "".join(f"{names[row]},{class_ids[row]}\n" for row in rows), encoding="utf-8"
        )
        run = given.out / f"run-{draw}"
        cp.semi(
            str(given.folder / "train"), labels=str(labels), out=run, overwrite=True, minutes=given.minutes, seed=draw
        )
        judged = json.loads((run / "tuned.json").read_text(encoding="utf-8"))["judgement"]
        result = {each.name: each.label for each in cp.predict(run, str(given.folder / "test"))}
        said = np.asarray([result[str(path.relative_to(given.folder / "test"))] for path in test])
        known, numbers = np.unique(class_ids[rows], return_inverse=True)
        right["delivered"].append(said == answers)
        right["pixels"].append(known[linear_probe(x[rows], numbers, x_test)] == answers)
        line = ", ".join(f"{name} {each[-1].mean():.3f}" for name, each in right.items())
        print(f"draw {draw}: {line}; handed over: {judged['delivered']}, {judged['candidates']}", flush=True)
    stacked = {name: np.stack(each) for name, each in right.items()}
    for name, each in stacked.items():
        print(name, score_over_draws(each))
    print("difference", difference_over_draws(stacked["delivered"] * 1.0 - stacked["pixels"]))


if __name__ == "__main__":
    main()
