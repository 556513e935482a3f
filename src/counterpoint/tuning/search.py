"""A search while it goes: its time, the plan that is tried now, and what is written down after each."""

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
"""Time of a search, and repeats, where nothing is said."""

PLANS, OF_EPOCHS = 24, 20
"""Plans that the time is shared among, and of a search that counts epochs."""

USED = 0.5
"""Share of its time that a plan uses on average, since the poorer half is given up twice."""

FEWEST = 4
"""Whole plans that must fit into the time for a search to be worth it."""

LEARNING = 0.4
"""Share of a plan's time that must be left when it has been judged."""

KEPT = 0.97
"""Share of all time that is planned; the rest is for what is written at the end."""

HOPELESS = 5
"""Failed plans in a row, with none that did not fail, after which a search ends."""


@dataclass(frozen=True)
class Budget:
    """How long a search goes: minutes, or a number of plans of so many epochs each; and how often it repeats."""

    minutes: float | None
    trials: int | None
    repeats: int

    @classmethod
    def of(cls, plan: Plan, tuned: TunePlan) -> Budget:
        """The budget in the choices of a user."""
        often = REPEATS if tuned.repeats is None else tuned.repeats
        if plan.epochs is not None:
            return cls(None, tuned.trials or OF_EPOCHS, often)
        return cls(plan.minutes or MINUTES, tuned.trials, often)


def share(budget: Budget, passed: float, cost: float, step: float) -> float | None:
    """Seconds for each plan; None where epochs are counted.

    Args:
        budget: Of the whole search.
        passed: Seconds that are over.
        cost: Seconds that it takes to judge a plan once.
        step: Seconds of a step of the usual plan.

    Raises:
        PlanError: The time is too short for a few plans that learn anything.

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
    """A search in its folder. It counts the seconds that it has taken, also before it was interrupted."""

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
        """Try plans until the time is over, or as many as were asked for."""
        while self._room():
            self._require_going()
            self._try()
            self._write()

    def repeat(self) -> None:
        """Train the best plan and the usual one anew with other seeds, as far as time is left."""
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
        """Write the plan to take and the report, and return all that was found; empty where no plan came to its end."""
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
        """Say why no plan came to its end, as a ``RunError``."""
        trials = self.study.records()
        if trials:
            raise RunError(f"No plan could be trained. The usual one failed: {trials[0]['reason']}")
        raise RunError(
            f"The {self.budget.minutes:g} minutes were over before a plan came to its end. Go on with --resume and "
            "more --minutes."
        )

    def _try(self) -> None:
        trial, values = self.study.propose()
        picked = choices(self.study.space, values, self.bench.data.modality)

        def promising(share: float, score: float) -> bool:
            worth_it = self.study.promising(trial, share, score)
            return worth_it or not picked  # the usual plan is what all others are compared with

        result = attempt(self.bench, picked, seed=self.bench.shared_plan.seed, promising=promising)
        self.study.report(trial, result.record)
        self._say(f"plan {len(self.study.records()) - 1}", result.record)

    def _outcome(self) -> dict[str, Any]:
        return outcome(self.head, self.study.records(), self.head["repeats"])

    def _room(self) -> bool:
        """Whether another plan is to be tried."""
        trials = self.study.records()
        if len(trials) >= HOPELESS and all(each["state"] == "failed" for each in trials):
            return False
        if self.budget.trials is not None and len(trials) >= self.budget.trials:
            return False
        result = self._outcome()
        repeats = 2 * self.budget.repeats if result and result["best"]["choices"] and result["usual"] else 0
        return self._fits(1 + repeats)

    def _fits(self, plans: float) -> bool:
        """Whether there is time for so many whole plans."""
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
