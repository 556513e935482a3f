"""The verb ``compare``: several methods on one's own data, each for the same time, several times over."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from counterpoint import catalogue
from counterpoint.data.labels import pair
from counterpoint.errors import InputError, PlanError
from counterpoint.modality import DataOptions
from counterpoint.output.results import Result
from counterpoint.plans import Plan
from counterpoint.plans.data_options import ReadOptions
from counterpoint.reports.comparison import write_comparison
from counterpoint.runs import run_folder
from counterpoint.runs.locks import holds_out
from counterpoint.runs.provenance import command, described, directory, placed
from counterpoint.setup.capabilities import learns_from_labels
from counterpoint.setup.dataset import apart, open_source, without_column
from counterpoint.setup.progress import console, decoding, may_be_quiet
from counterpoint.storage.files import expanded, replacing, write_json
from counterpoint.storage.schemas import Verdict
from counterpoint.storage.typed_json import read_json
from counterpoint.tuning.contenders import contender, require_all
from counterpoint.tuning.labelled_items import ProbeItems, Right, questions
from counterpoint.tuning.output_folder import Folder
from counterpoint.tuning.standings import KINDS, contest_table, standings
from counterpoint.verbs.fit import fit
from counterpoint.verbs.keywords import CompareKeywords

MINUTES = 3.0
"""Time for each run where neither time nor epochs are given."""

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
    """The group of every item, where they were listed."""

    def run(self, method: str, seed: int) -> Path:
        """The folder of one run."""
        return self.folder / "runs" / f"{folder_name(method)}-{seed}"


def folder_name(method: str) -> str:
    """What the runs of a contender are called: its own name, with a digest where that has signs that no file should.

    >>> folder_name("simclr"), folder_name("moco(queue=64)"), folder_name("moco(queue=-64)")
    ('simclr', 'moco-queue-64-9ef21cc9', 'moco-queue--64-e6090f50')
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", method).strip("-")[:80]
    return plain if plain == method else f"{plain}-{hashlib.sha256(method.encode()).hexdigest()[:8]}"


@may_be_quiet
@holds_out
def compare(
    source: object,
    methods: Sequence[str],
    *,
    out: str | Path,
    labels: object = None,
    resume: bool = False,
    overwrite: bool = False,
    **choices: Unpack[CompareKeywords],
) -> Result:
    """Train every method for the same time on the same data, and say which representation answers best.

    All runs have the same encoder, views and time, each is asked about the same items by a linear probe and by its
    neighbours, beside raw features and each seed's untrained encoder. Methods that learn from labels learn from those
    of the items that are not asked about. Runs go seed by seed, so that a comparison that is stopped has something to
    say; a run that is finished is not done again.

    Args:
        source: As for ``fit``.
        methods: Names, with options in brackets if wanted, and with choices of their own behind them:
            ``["simclr", "moco(queue=1024)", "simclr negatives=cancelled temperature=0.2"]``.
        out: The folder: every run lies in ``runs``, the result is in ``comparison.json`` and ``report.html``.
        labels: As for ``evaluate``; they are learned from only by methods that need them.
        resume: Go on with the comparison in ``out``.
        overwrite: Replace the comparison in ``out``.
        choices: Any field of ``Plan`` but ``method``; ``minutes`` (3 if nothing is said) is the time of each run. And
            ``test``, labelled items to ask about (without it a fifth of every class is held out); ``seeds`` (3), how
            often everything is repeated, with seeds that follow on that of the plan; and any of ``ReadOptions``.

    Returns:
        ``methods``, best first, each with ``linear`` and ``knn`` (``value``, ``low``, ``high`` over seeds and items),
        ``differences`` to the baselines and ``best_minus``, the best method minus it (the same, paired, corrected for
        their number), ``epochs`` and ``verdicts``; ``baselines``; and ``sentence``, which is best if any is.

    Raises:
        InputError: A method, a choice, the labels or the folder cannot be used; nothing has been trained then.
    """
    named, data = apart(choices)
    test, seeds = named.pop("test", None), int(named.pop("seeds", 3))
    of_items, of_test = pair(named.pop("groups", None), separate=test is not None, what="group")
    plan = _plan(methods, seeds, named)
    folder = expanded(out)
    place = Folder(folder, RECORD, "comparison")
    place.require(resume=resume, overwrite=overwrite)
    options = DataOptions(
        kind=plan.modality,
        views=plan.views,
        view_size=plan.view_size,
        data=data,
        labels=labels,
        progress=decoding(),
        groups=of_items,
    )
    modality, items = open_source(source, options)
    data = without_column(data, labels, modality)
    probe_items = questions(modality, source, items, test=test, labels=labels, seed=plan.seed, groups=of_test)
    require_all(plan, methods, source, modality, items, probe_items.learnable)
    contest = Contest(folder, source, data, plan, probe_items, of_items)
    record = {
        **placed("source", source),
        **placed("test", test),
        "labels": described(labels),
        "data": data.record(),
        "command": command(),
        "directory": directory(),
        "asked": {"methods": list(methods), "seeds": seeds, **plan.record()},
        "machine": run_folder.machine(),
        "identity": probe_items.identity(modality, items, plan.encoder),
    }
    if resume:
        place.require_same(record, ("source", "test", "labels", "data"), free=("methods", "seeds"))
    else:
        _start(folder, record)
    probe_items.announce()
    raw = np.stack([probe_items.raw(modality)])
    for seed in range(plan.seed, plan.seed + seeds):
        for method in methods:
            _done(contest, method, seed)
        result = {**record, **_summary(contest, methods, seed - plan.seed + 1, raw)}
        write_json(folder / RECORD, result)
    write_comparison(folder, result)
    return Result(result, contest_table)


def _plan(methods: Sequence[str], seeds: int, choices: Mapping[str, Any]) -> Plan:
    """The plan that all methods share, once each of them is known to fit it."""
    if not methods:
        raise InputError(f"Name the methods to compare, such as {', '.join(catalogue.names('method')[:3])}.")
    if len(set(methods)) < len(methods):
        raise InputError("A method is named twice. Name each once; --seeds repeats all of them.")
    if seeds < 1:
        raise InputError(f"Every method is trained at least once. Got seeds={seeds}.")
    plan = Plan.of(choices)
    if plan.method != Plan.method:
        raise PlanError("Methods are compared: name them with --methods, and leave out --method.")
    if plan.minutes is None and plan.epochs is None:
        plan = dataclasses.replace(plan, minutes=MINUTES)
    for method in methods:
        contender(plan, method)
    return plan


def _start(folder: Path, record: Mapping[str, Any]) -> None:
    """Make the folder, in place of another comparison."""
    for run in (folder / "runs").glob("*"):
        (run / RIGHT).unlink(missing_ok=True)  # first, for it says that the run is done
        run_folder.clear(run)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / RECORD, record)


def _done(contest: Contest, method: str, seed: int) -> None:
    """Train and ask one run, as far as that has not been done."""
    folder = contest.run(method, seed)
    if (folder / RIGHT).exists():
        return
    plan = dataclasses.replace(contender(contest.plan, method), seed=seed)
    console().print(f"\n{method}, seed {seed}", markup=False)
    began = time.monotonic()
    learned = contest.probe_items.learnable if learns_from_labels(plan) else None
    going_on = (folder / run_folder.STATE).exists()
    model = fit(
        contest.source,
        out=folder,
        labels=learned,
        resume=going_on,
        overwrite=folder.exists() and not going_on,
        **(contest.data.record() | ({} if contest.groups is None else {"groups": contest.groups})),
        **plan.record(),
    )
    taken = time.monotonic() - began
    _write(folder / RIGHT, contest.probe_items.right(model), contest.probe_items.right(model.untrained()), taken)


def _write(path: Path, right: Right, untrained: Right, seconds: float) -> None:
    arrays = {**right._asdict(), **{f"untrained_{name}": each for name, each in untrained._asdict().items()}}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, seconds=np.asarray(seconds), **arrays)


def _summary(contest: Contest, methods: Sequence[str], seeds: int, raw: np.ndarray) -> dict[str, Any]:
    """What is known after so many seeds."""
    which = range(contest.plan.seed, contest.plan.seed + seeds)
    cells = {method: [np.load(contest.run(method, seed) / RIGHT) for seed in which] for method in methods}
    right = {method: np.stack([[each[kind] for kind in KINDS] for each in result]) for method, result in cells.items()}
    untrained = np.stack([[each[f"untrained_{kind}"] for kind in KINDS] for each in cells[methods[0]]])
    result = standings(
        right,
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
    """How long the runs were, and what was said of them."""
    folders = [contest.run(method, seed) for seed in seeds]
    steps, said_of = [], []
    for folder in folders:
        verdict = read_json(folder / run_folder.VERDICT, Verdict, "Start anew with --overwrite.")
        steps.append(verdict.get("steps", 0) / (run_folder.read_plan(folder).get("steps_per_epoch") or 1))
        said_of += [each.get("kind", "") for each in verdict["verdicts"]]
    return {"epochs": round(float(np.mean(steps)), 1), "verdicts": sorted(set(said_of))}
