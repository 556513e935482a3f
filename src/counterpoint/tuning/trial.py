"""One plan of a search, from its choices to its scores: trained for its share of the time, judged on the way."""

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
"""How often a plan that is not given up is judged."""

Promising = Callable[[float, float], bool]
"""Whether a plan is worth going on with, by the share of its time that has passed and its score."""


class GivenUp(Exception):
    """Ends a training that is not worth going on with."""


@dataclass(frozen=True)
class Bench:
    """What all plans share."""

    data: TrainingData
    user_parts: UserParts
    shared_plan: Plan
    """The choices of the user."""
    judge: Judge
    stop: StopRequest
    seconds: float | None
    """The time of each plan, judging it included; None where epochs are counted."""
    cost: float
    """Seconds that judging takes once."""


class Attempt(NamedTuple):
    """What became of a plan."""

    record: dict[str, Any]
    """As JSON can hold it: ``state``, ``reason``, ``choices``, ``rungs``, ``score``, ``measures``, ``seconds``."""
    correct: np.ndarray | None
    """Which of the items asked about its probe gets right, if it came to its end."""


@dataclass
class Rungs:
    """Listens to a training, judges it when a rung is reached and gives it up there, or not."""

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
        """Keep what was found at a share of the time."""
        self.result.append({"share": share, "score": judged.score, "measures": judged.measures})


def attempt(bench: Bench, choices: Mapping[str, Any], *, seed: int, promising: Promising | None = None) -> Attempt:
    """Train and judge one plan.

    Args:
        bench: What all plans share.
        choices: Of the plan, in place of the user's.
        seed: Names the random numbers.
        promising: Is asked at every rung; without it there are none.

    Raises:
        Interrupted: Asked to stop; nothing is known of the plan then.
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
    """Whether torch ran out of memory; on a processor it says so in words only."""
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
