"""The search algorithm: optuna proposes plans, stores their scores, and decides which trials are continued.

Plans are proposed by a tree of Parzen estimators (Bergstra et al. 2011, "Algorithms for hyper-parameter optimization")
and stopped by successive halving (Li et al. 2020, arXiv:1810.05934): at a quarter and at half of its time, a trial is
continued if it is in the better half of those that came as far.  Proposals are a function of the seed and of earlier
trials, so a resumed search continues as if uninterrupted. It is stored in a file of JSON lines.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from counterpoint import rng
from counterpoint.errors import MissingPackage, RunError
from counterpoint.tuning.search_space import Dimension

NAME = "tune"

HELD = ".lock"
"""The suffix of optuna's lock file; who holds the folder may remove it."""

RANDOM = 8
"""Random trials before proposals are based on results."""

RUNGS: Mapping[float, int] = {0.25: 1, 0.5: 2}
"""Shares of a trial's time after which it may be stopped, for the halving."""


def require() -> None:
    """Raise ``MissingPackage`` where optuna is not installed."""
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise MissingPackage("optuna", "tune") from None


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress optuna's own messages: this package reports itself."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            warnings.filterwarnings("ignore", module=r"optuna\.")
            yield
    finally:
        optuna.logging.set_verbosity(level)


class Study:
    """A search in a file: past trials with their scores, and the next proposal."""

    def __init__(self, path: Path, space: Sequence[Dimension], *, seed: int) -> None:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        self.space, self.seed = space, seed
        _mend(path)
        try:
            storage = JournalStorage(JournalFileBackend(str(path)))
            self.study = optuna.create_study(
                storage=storage, study_name=NAME, direction="maximize", load_if_exists=True
            )
        except (ValueError, KeyError) as wrong:
            raise RunError(f"'{path}' is damaged: {wrong}. Start anew with --overwrite.") from wrong
        self._settle_interrupted()
        if not self.records() and not self._in_state("WAITING"):
            self.study.enqueue_trial({each.name: _place(each, each.usual) for each in space})

    def records(self) -> list[dict[str, Any]]:
        """The records of all trials passed to ``report``, in order."""
        held = [each.user_attrs.get("record") for each in self.study.get_trials(deepcopy=False)]
        return [{"number": number, **record} for number, record in enumerate(filter(None, held))]

    def propose(self) -> tuple[Any, dict[str, Any]]:
        """The next trial: a handle for the other methods, and the value of every dimension."""
        import optuna

        number = rng.number(seed=self.seed, step=len(self.records()), process=0, piece=0)
        self.study.sampler = optuna.samplers.TPESampler(seed=number % 2**32, n_startup_trials=RANDOM)
        trial = self.study.ask()
        return trial, {each.name: _drawn(each, trial) for each in self.space}

    def promising(self, trial: Any, share: float, score: float) -> bool:
        """Whether a trial is worth continuing: in the better half of those that came as far.

        This is based on the records, not on optuna's view of interrupted trials.
        """
        trial.report(score, RUNGS[share])
        earlier = [rung["score"] for each in self.records() for rung in each["rungs"] if rung["share"] == share]
        scores: list[float] = sorted([*earlier, score], reverse=True)
        return score >= scores[max(0, len(scores) // 2 - 1)]

    def report(self, trial: Any, record: Mapping[str, Any]) -> None:
        """Record the result of a trial; ``state`` is complete, halved or failed, ``score`` the last one."""
        trial.set_user_attr("record", dict(record))
        self._close(trial, record)

    def _close(self, trial: Any, record: Mapping[str, Any]) -> None:
        """Report the result of a trial, a handle or its number, to optuna."""
        from optuna.trial import TrialState

        if record["state"] == "complete":
            self.study.tell(trial, record["score"])
        else:
            self.study.tell(trial, state=TrialState.PRUNED if record["state"] == "halved" else TrialState.FAIL)

    def _settle_interrupted(self) -> None:
        """Close the trial that an ended process was running; one without a record is proposed again."""
        for each in self._in_state("RUNNING"):
            self._close(each.number, each.user_attrs.get("record", {"state": "failed"}))

    def _in_state(self, name: str) -> list[Any]:
        from optuna.trial import TrialState

        result: list[Any] = self.study.get_trials(deepcopy=False, states=(TrialState[name],))
        return result

    def importances(self) -> dict[str, float]:
        """The share of the variance between trials after a quarter of their time that each dimension explains, 0 to 1.

        Functional analysis of variance of a random forest (Hutter et al. 2014, "An efficient approach for assessing
        hyperparameter importance"); all trials count that came so far. Empty for fewer than eight.
        """
        import optuna
        from optuna.trial import TrialState, create_trial

        first = next(iter(RUNGS.values()))
        there = [
            create_trial(
                state=TrialState.COMPLETE,
                params=each.params,
                distributions=each.distributions,
                value=each.intermediate_values[first],
            )
            for each in self.study.get_trials(deepcopy=False)
            if first in each.intermediate_values and "record" in each.user_attrs
        ]
        if len(there) < RANDOM or len({each.value for each in there}) == 1:
            return {}
        other = optuna.create_study(direction="maximize")
        other.add_trials(there)
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=self.seed)
        result = optuna.importance.get_param_importances(other, evaluator=evaluator)
        return {name: round(float(share), 4) for name, share in result.items()}


def _drawn(dimension: Dimension, trial: Any) -> Any:
    """One value of a dimension; numbers are rounded to three digits."""
    if not dimension.values:
        value = trial.suggest_float(dimension.name, dimension.low, dimension.high, log=True)
        return dimension.usual if value == dimension.usual else float(f"{value:.3g}")
    if isinstance(dimension.usual, str):
        return trial.suggest_categorical(dimension.name, list(dimension.values))
    return dimension.values[trial.suggest_int(dimension.name, 0, len(dimension.values) - 1)]


def _place(dimension: Dimension, value: Any) -> Any:
    """The value for optuna: sizes by their place in the list, so that neighbours are close."""
    named = isinstance(value, str) or not dimension.values
    return value if named else dimension.values.index(value)


def _mend(path: Path) -> None:
    """Remove an incomplete last line, and the lock of a killed process."""
    for left in path.parent.glob(f"{path.name}{HELD}*"):
        left.unlink(missing_ok=True)
    held = path.read_bytes() if path.exists() else b""
    if held and not held.endswith(b"\n"):
        os.truncate(path, held.rfind(b"\n") + 1)
