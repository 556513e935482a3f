"""One trial of a search: trained for its share of the time, scored on the way."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from counterpoint.errors import InputError
from counterpoint.plans import Plan
from counterpoint.setup.build import compared_by
from counterpoint.setup.dataset import TrainingData, UserParts
from counterpoint.setup.experiment import OVERHEAD, Experiment, arranged
from counterpoint.training.loop import RunOptions, train
from counterpoint.training.signals import StopRequest
from counterpoint.tuning.scoring import Judge, Judged
from counterpoint.tuning.study import RUNGS

JUDGED = 3
"""How often a complete trial is scored."""

Promising = Callable[[float, float], bool]
"""Whether a trial is worth continuing, by the share of its time that has passed and its score."""


class GivenUp(Exception):
    """Ends a trial that is not worth continuing."""


@dataclass(frozen=True)
class Bench:
    """What all trials share."""

    data: TrainingData
    user_parts: UserParts
    shared_plan: Plan
    """The user's choices."""
    judge: Judge
    stop: StopRequest
    seconds: float | None
    """The time of each trial, including scoring; None with a number of epochs."""
    cost: float
    """Seconds to score once."""


class Attempt(NamedTuple):
    """The result of a trial."""

    record: dict[str, Any]
    """As JSON values: ``state``, ``reason``, ``choices``, ``rungs``, ``score``, ``measures``, ``seconds``."""
    correct: np.ndarray | None
    """The test items that its probe predicts correctly, if it is complete."""


@dataclass
class Rungs:
    """Listens to a training, scores it at each rung, and stops it there or not."""

    experiment: Experiment
    judge: Judge
    promising: Promising | None
    result: list[dict[str, Any]]

    def __call__(self, record: Mapping[str, Any]) -> None:
        if "loss" not in record or self.promising is None:
            return
        share = record["step"] / record["steps"]
        due = [each for each in RUNGS if share >= each and all(each > rung["share"] for rung in self.result)]
        if not due or share >= 1:
            return
        judged = self.judge(self.experiment.method.encoder)
        self.experiment.method.train()
        self.add(due[-1], judged)
        if not self.promising(due[-1], judged.score):
            raise GivenUp

    def add(self, share: float, judged: Judged) -> None:
        """Store the score at a share of the time."""
        self.result.append({"share": share, "score": judged.score, "measures": judged.measures})


def attempt(bench: Bench, choices: Mapping[str, Any], *, seed: int, promising: Promising | None = None) -> Attempt:
    """Train and score one trial.

    Args:
        bench: What all trials share.
        choices: The trial's choices, which override the user's.
        seed: Random seed.
        promising: Called at every rung; without it there are none.

    Raises:
        Interrupted: A stop was requested; the trial is not recorded then.
    """
    began = time.monotonic()
    rungs: list[dict[str, Any]] = []
    state, reason, correct, steps = "complete", None, None, 0
    try:
        experiment = _prepared(bench, choices, seed, began)
        steps = experiment.recipe.steps
        listening = Rungs(experiment, bench.judge, promising, rungs)
        _train(bench, experiment, listening, began)
        judged = bench.judge(experiment.method.encoder)
        listening.add(1.0, judged)
        correct = judged.correct
    except GivenUp:
        state = "halved"
    except InputError as wrong:
        state, reason = "failed", str(wrong)
    except (MemoryError, RuntimeError) as wrong:
        if isinstance(wrong, RuntimeError) and not _of_memory(wrong):
            raise
        state, reason = "failed", "The machine has too little memory for this plan."
    record = {
        "state": state,
        "reason": reason,
        "choices": dict(choices),
        "rungs": rungs,
        "score": rungs[-1]["score"] if rungs else None,
        "measures": rungs[-1]["measures"] if rungs else {},
        "steps": steps,
        "seconds": round(time.monotonic() - began, 1),
    }
    return Attempt(record, correct)


def _of_memory(wrong: RuntimeError) -> bool:
    """Whether torch ran out of memory; on a CPU only the message tells."""
    return isinstance(wrong, torch.OutOfMemoryError) or "allocate memory" in str(wrong)


def _prepared(bench: Bench, choices: Mapping[str, Any], seed: int, began: float) -> Experiment:
    plan = dataclasses.replace(bench.shared_plan, **choices, seed=seed)
    data = bench.data
    if "views" in choices:
        data = dataclasses.replace(data, modality=data.modality.with_views(choices["views"]))
    if bench.seconds is not None:
        learning = bench.seconds - JUDGED * bench.cost
        plan = dataclasses.replace(plan, minutes=max(0.01, learning / 60 / OVERHEAD))
    return arranged(data, plan, bench.user_parts, began=began)


def _train(bench: Bench, experiment: Experiment, listening: Rungs, began: float) -> None:
    run_options = RunOptions(
        listeners=(listening,),
        stop=bench.stop,
        deadline=None if bench.seconds is None else began + bench.seconds - bench.cost,
        notes=compared_by(experiment.plan),
    )
    with torch.random.fork_rng():
        train(experiment.method, experiment.items, experiment.modality, experiment.recipe, run_options)
