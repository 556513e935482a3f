"""The runs of a comparison in their folder, and the results of finished ones."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.plans import Plan
from counterpoint.plans.data_options import ReadOptions
from counterpoint.runs import run_folder
from counterpoint.setup.capabilities import learns_from_labels
from counterpoint.storage.files import replacing, write_json
from counterpoint.storage.schemas import Verdict
from counterpoint.storage.typed_json import read_json
from counterpoint.tuning.contenders import contender
from counterpoint.tuning.labelled_items import ProbeItems, Right
from counterpoint.tuning.standings import KINDS, standings

RIGHT, RECORD = "right.npz", "comparison.json"


@dataclass(frozen=True)
class Contest:
    """What every run of a comparison shares."""

    folder: Path
    source: object
    data: ReadOptions
    plan: Plan
    probe_items: ProbeItems
    groups: object
    """The group of every item, where groups were given as a list."""

    def run(self, method: str, seed: int) -> Path:
        """The folder of one run."""
        return self.folder / "runs" / f"{folder_name(method)}-{seed}"


def folder_name(method: str) -> str:
    """The folder name of a contender: its spec, with a hash if it contains characters that a file name should not.

    >>> folder_name("simclr"), folder_name("moco(queue=64)"), folder_name("moco(queue=-64)")
    ('simclr', 'moco-queue-64-9ef21cc9', 'moco-queue--64-e6090f50')
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", method).strip("-")[:80]
    return plain if plain == method else f"{plain}-{hashlib.sha256(method.encode()).hexdigest()[:8]}"


def start(folder: Path, record: Mapping[str, Any]) -> None:
    """Create the folder, in place of another comparison."""
    for run in (folder / "runs").glob("*"):
        (run / RIGHT).unlink(missing_ok=True)  # first, as it marks the run as finished
        run_folder.clear(run)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / RECORD, record)


def write_right(path: Path, trained: Right, untrained: Right, seconds: float) -> None:
    """Store which test items a run and its untrained encoder predict correctly: this marks the run as finished."""
    arrays = {**trained._asdict(), **{f"untrained_{name}": each for name, each in untrained._asdict().items()}}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, seconds=np.asarray(seconds), **arrays)


def summary(contest: Contest, methods: Sequence[str], seeds: int, raw: np.ndarray) -> dict[str, Any]:
    """The results after some of the seeds."""
    which = range(contest.plan.seed, contest.plan.seed + seeds)
    cells = {method: [np.load(contest.run(method, seed) / RIGHT) for seed in which] for method in methods}
    correct = {
        method: np.stack([[each[kind] for kind in KINDS] for each in result]) for method, result in cells.items()
    }
    untrained = np.stack([[each[f"untrained_{kind}"] for kind in KINDS] for each in cells[methods[0]]])
    result = standings(
        correct,
        {"untrained": untrained, "raw": raw, "chance": np.stack([contest.probe_items.chance()])},
        groups=contest.probe_items.test.groups,
    )
    for row in result["methods"]:
        row["labels"] = learns_from_labels(contender(contest.plan, row["method"]))
        row["seconds"] = round(float(np.mean([each["seconds"] for each in cells[row["method"]]])), 1)
        row |= _course(contest, row["method"], which)
    return {
        **result,
        "items": contest.probe_items.counts(),
        "classes": contest.probe_items.read.counts(),
    }


def _course(contest: Contest, method: str, seeds: Sequence[int]) -> dict[str, Any]:
    """The length of the runs, and their verdicts."""
    folders = [contest.run(method, seed) for seed in seeds]
    steps, said_of = [], []
    for folder in folders:
        verdict = read_json(folder / run_folder.VERDICT, Verdict, "Start anew with --overwrite.")
        steps.append(verdict.get("steps", 0) / (run_folder.read_plan(folder).get("steps_per_epoch") or 1))
        said_of += [each.get("kind", "") for each in verdict["verdicts"]]
    return {"epochs": round(float(np.mean(steps)), 1), "verdicts": sorted(set(said_of))}
