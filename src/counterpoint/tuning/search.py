"""A running search: its time, its current trial, and what is written after each."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from counterpoint.errors import Interrupted, PlanError, RunError
from counterpoint.evaluation.label_free import MEASURES
from counterpoint.plans import Plan, TunePlan
from counterpoint.reports.tuning import Words, write_tuning
from counterpoint.setup.progress import console
from counterpoint.storage.files import write_json
from counterpoint.training.diagnostics import SHORT
from counterpoint.tuning.outcome import agreement, correlations, described, outcome
from counterpoint.tuning.repeats import packed
from counterpoint.tuning.scoring import called, formatted
from counterpoint.tuning.search_space import choices
from counterpoint.tuning.study import Study
from counterpoint.tuning.trial import JUDGED, Bench, attempt

TRIALS, BEST, REPORT = "trials.json", "best.json", "report.html"

MINUTES, REPEATS = 30.0, 2
"""Default time of a search, and number of repeats."""

PLANS, OF_EPOCHS = 24, 20
"""Trials that the time is divided among, and of a search with a number of epochs."""

USED = 0.5
"""Share of its time that a trial uses on average, as the poorer half is stopped twice."""

FEWEST = 4
"""Full trials that must fit into the time for a search to be worth it."""

LEARNING = 0.4
"""Share of a trial's time that must remain after scoring it."""

KEPT = 0.97
"""Share of all time that is planned; the rest is for writing results."""

HOPELESS = 5
"""Consecutive failed trials, with no successful one, after which a search ends."""


@dataclass(frozen=True)
class Budget:
    """The budget of a search: minutes, or a number of trials with a number of epochs; and repeats."""

    minutes: float | None
    trials: int | None
    repeats: int

    @classmethod
    def of(cls, plan: Plan, tuned: TunePlan) -> Budget:
        """The budget in the user's choices."""
        often = REPEATS if tuned.repeats is None else tuned.repeats
        if plan.epochs is not None:
            return cls(None, tuned.trials or OF_EPOCHS, often)
        return cls(plan.minutes or MINUTES, tuned.trials, often)


def share(budget: Budget, passed: float, cost: float, step: float) -> float | None:
    """Seconds for each trial; None with a number of epochs.

    Args:
        budget: Of the whole search.
        passed: Seconds that have passed.
        cost: Seconds to score a trial once.
        step: Seconds of a step of the default plan.

    Raises:
        PlanError: The time is too short for a few useful trials.

    >>> share(Budget(60, None, 2), passed=0.0, cost=2.0, step=0.1)
    218.2
    """
    if budget.minutes is None:
        return None
    left = KEPT * 60 * budget.minutes - passed
    least = max(JUDGED * cost / (1 - LEARNING), JUDGED * cost + SHORT * step)
    plans = USED * min(PLANS, budget.trials or PLANS)
    each = max(least, left / (plans + 2 * budget.repeats))
    needed = FEWEST + 2 * budget.repeats
    if needed * each > left:
        minutes = math.ceil((needed * least + passed) / KEPT / 60)
        raise PlanError(
            f"{budget.minutes:g} minutes are too short to try plans: opening the data took {passed:.0f} seconds, and "
            f"{SHORT} steps of a plan and judging it take {least:.0f}. Give --minutes={minutes} or more, or --epochs."
        )
    return round(each, 1)


@dataclass
class Search:
    """A search in its folder. It counts its seconds, including those before an interruption."""

    folder: Path
    head: dict[str, Any]
    bench: Bench
    study: Study
    budget: Budget
    began: float

    def __post_init__(self) -> None:
        self._before = float(self.head["seconds"])
        self._write()

    def search(self) -> None:
        """Run trials until the time is over, or the number is reached."""
        while self._room():
            self._require_going()
            self._try()
            self._write()

    def repeat(self) -> None:
        """Repeat the best plan and the default one with other seeds, as far as time is left."""
        result = self._outcome()
        if not result or result["usual"] is None or not result["best"]["choices"]:
            return
        for seed in range(self.bench.shared_plan.seed + 1, self.bench.shared_plan.seed + 1 + self.budget.repeats):
            for name, picked in (("best", result["best"]["choices"]), ("usual", {})):
                done = any(each["seed"] == seed and each["choices"] == picked for each in self.head["repeats"])
                if done or not self._fits(0.9):
                    continue
                self._require_going()
                again = attempt(self.bench, picked, seed=seed)
                kept = {name: again.record[name] for name in ("choices", "score", "measures", "seconds", "reason")}
                self.head["repeats"].append({"seed": seed, **kept, "right": packed(again.correct)})
                self._say(f"{name}, seed {seed}", again.record)
                self._write()

    def finish(self) -> dict[str, Any]:
        """Write the plan to take and the report, and return the result; empty where no trial is complete."""
        trials, result = self.study.records(), self._outcome()
        if not result:
            return {}
        write_json(self.folder / BEST, result)
        record = {
            **result,
            "trials": trials,
            "correlations": correlations(trials) if result["by"] == "linear" else {},
            "importances": self.study.importances(),
            "search": self.head,
        }
        names = {name: each.called for name, each in MEASURES.items()}
        score = partial(formatted, result["by"])
        write_tuning(self.folder, record, Words(called(result["by"]), score, described, agreement, names))
        return record

    def nothing(self) -> dict[str, Any]:
        """Raise a ``RunError`` with the reason why no trial is complete."""
        trials = self.study.records()
        if trials:
            raise RunError(f"No plan could be trained. The usual one failed: {trials[0]['reason']}")
        raise RunError(
            f"The {self.budget.minutes:g} minutes were over before a trial was complete. Continue with --resume and "
            "more --minutes."
        )

    def _try(self) -> None:
        trial, values = self.study.propose()
        picked = choices(self.study.space, values, self.bench.data.modality)

        def promising(share: float, score: float) -> bool:
            worth_it = self.study.promising(trial, share, score)
            return worth_it or not picked  # the default plan is the reference for all others

        result = attempt(self.bench, picked, seed=self.bench.shared_plan.seed, promising=promising)
        self.study.report(trial, result.record)
        self._say(f"plan {len(self.study.records()) - 1}", result.record)

    def _outcome(self) -> dict[str, Any]:
        return outcome(self.head, self.study.records(), self.head["repeats"])

    def _room(self) -> bool:
        """Whether another trial is to be run."""
        trials = self.study.records()
        if len(trials) >= HOPELESS and all(each["state"] == "failed" for each in trials):
            return False
        if self.budget.trials is not None and len(trials) >= self.budget.trials:
            return False
        result = self._outcome()
        repeats = 2 * self.budget.repeats if result and result["best"]["choices"] and result["usual"] else 0
        return self._fits(1 + repeats)

    def _fits(self, plans: float) -> bool:
        """Whether there is time for ``count`` full trials."""
        if self.budget.minutes is None or self.bench.seconds is None:
            return True
        return self._passed() + plans * self.bench.seconds <= KEPT * 60 * self.budget.minutes

    def _passed(self) -> float:
        return self._before + time.monotonic() - self.began

    def _require_going(self) -> None:
        if self.bench.stop.requested:
            raise Interrupted("Stopped between two plans.")

    def _write(self) -> None:
        self.head["seconds"] = round(self._passed(), 1)
        write_json(self.folder / TRIALS, {**self.head, "trials": self.study.records()})

    def _say(self, who: str, record: Mapping[str, Any]) -> None:
        by = self.head["by"]
        score = "" if record["score"] is None else f"  {formatted(by, record['score'])} {called(by)}"
        state = "" if record["state"] == "complete" else f"  {record['state']}"
        if record["state"] == "halved":
            state += f" at {record['rungs'][-1]['share']:g}"
        reason = f": {record['reason']}" if record["reason"] else ""
        console().print(f"{who}{score}{state}{reason}  ({described(record['choices'])})", markup=False)
