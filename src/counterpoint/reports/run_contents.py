"""The contents of a run folder, and for whatever is missing, a sentence and the command that makes it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from counterpoint.errors import RunError
from counterpoint.plans import by_new_names
from counterpoint.runs.run_folder import PRETRAINED, not_evaluated
from counterpoint.storage import schemas
from counterpoint.storage.typed_json import read_json
from counterpoint.training import metrics_log


class Worded(TypedDict):
    """``views.json``: texts and their views."""

    views: list[list[str]]


TYPES: Mapping[str, Any] = {
    "plan": schemas.Plan,
    "tuned": schemas.Tuned,
    "verdict": schemas.Verdict,
    "evaluation": schemas.Evaluation,
    "budget": schemas.Budget,
    "views": Worded,
}
"""The files of a run, by name."""

SEMI = "semi"
"""The name of ``semi`` in its plan."""


class Missing(NamedTuple):
    """Why a section of the report is empty, and the command that fills it."""

    sentence: str
    command: str = ""


@dataclass(frozen=True)
class Run:
    """A run folder, read. Missing contents are empty here and have their reason in ``missing``."""

    folder: Path
    plan: Mapping[str, Any]
    contrast: Mapping[str, Any]
    """The plan of the pretraining step: the same, except for ``semi``."""
    headline: Mapping[str, str]
    """Whether it is useful, as ``level`` and ``sentence``; empty where the verdicts say so themselves."""
    verdicts: Sequence[Mapping[str, str]]
    records: Sequence[Mapping[str, Any]]
    evaluation: Mapping[str, Any]
    least_certain: Sequence[Mapping[str, Any]]
    judgement: Mapping[str, Any]
    """The scores of the candidate classifiers."""
    budget: Mapping[str, Any]
    views: bytes
    worded: Sequence[Sequence[str]]
    """Items and their views, where they are text."""
    skipped: Sequence[tuple[str, str]]
    missing: Mapping[str, Missing]


def read_run(folder: Path) -> Run:
    """Everything in the folder; a damaged JSON file counts as missing.

    Curves, verdict and views of ``semi`` are those of its pretraining.
    """
    missing: dict[str, Missing] = {}
    plan = _json(folder, "plan", _fit({}, folder), missing)
    flag = " --resume" if (folder / "state.pt").exists() else " --overwrite"
    learned = folder / PRETRAINED if plan.get("verb") == SEMI else folder
    tuned = _json(folder, "tuned", "", {})
    verdict = _json(learned, "verdict", _fit(plan, folder) + flag, missing)
    if "conclusion" in tuned and learned == folder:
        missing.pop("verdict", None)
        verdict = {"verdicts": [{"level": tuned.get("level", "good"), "sentence": tuned["conclusion"]}]}
    evaluate = f"counterpoint evaluate {shlex.quote(str(folder))} --labels LABELS"
    evaluation = _json(folder, "evaluation", evaluate, missing)
    headline = evaluation.get("headline") or ({} if "conclusion" in tuned else not_evaluated(folder))
    if "conclusion" in tuned and learned != folder:
        headline = {"level": tuned.get("level", "good"), "sentence": tuned["conclusion"]}
    if "conclusion" in tuned and learned == folder:
        missing["metrics"] = Missing("Curves are kept of learning without labels only, in the run that this began at.")
    elif plan.get("steps") == 0:
        missing["metrics"] = Missing("The encoder was adopted as it is, so there are no curves of its training.")
    elif not (learned / "metrics.jsonl").is_file():
        missing["metrics"] = Missing("There is no metrics.jsonl in this run.", _fit(plan, folder) + " --overwrite")
    worded = _json(learned, "views", "", {})
    if not worded and not (learned / "views.png").is_file():
        missing["views"] = Missing("There is no views.png in this run.", report(folder))
    return Run(
        folder=folder,
        plan=plan,
        contrast=plan if learned == folder else _json(learned, "plan", _fit(plan, folder), missing),
        headline=headline,
        verdicts=verdict.get("verdicts", []),
        records=[] if "metrics" in missing else metrics_log.read(learned / "metrics.jsonl"),
        evaluation=evaluation,
        least_certain=tuned.get("least_certain", []),
        judgement=tuned.get("judgement", {}),
        budget=_json(folder, "budget", f"{evaluate} --budget", missing),
        views=(learned / "views.png").read_bytes() if (learned / "views.png").is_file() else b"",
        worded=worded.get("views", []),
        skipped=_skipped(folder / "skipped.txt"),
        missing=missing,
    )


def report(folder: Path) -> str:
    """The command that writes the report again, with data for it."""
    return f"counterpoint report {shlex.quote(str(folder))} --source SOURCE"


def _fit(plan: Mapping[str, Any], folder: Path) -> str:
    """The command of the run, without its options about an earlier run."""
    command = plan.get("command") or f"counterpoint fit SOURCE --out {shlex.quote(str(folder))}"
    return str(command).replace(" --overwrite", "").replace(" --resume", "")


def _json(folder: Path, name: str, command: str, missing: dict[str, Missing]) -> dict[str, Any]:
    path = folder / f"{name}.json"
    try:
        record = dict(read_json(path, TYPES[name], ""))
        return by_new_names(record) if name == "plan" else record
    except FileNotFoundError:
        missing[name] = Missing(f"There is no {path.name} in this run.", command)
    except RunError as wrong:
        missing[name] = Missing(str(wrong).replace(f"'{path}'", path.name).strip(), command)
    return {}


def _skipped(path: Path) -> list[tuple[str, str]]:
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [(name, reason) for name, _, reason in (line.rpartition("\t") for line in lines)]
