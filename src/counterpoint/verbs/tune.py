"""The verb ``tune``: search the choices of a plan on one's own data, each tried for the same time."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from counterpoint.catalogue.trust import require_trusted
from counterpoint.data.labels import pair
from counterpoint.errors import Interrupted, LabelError, RunError
from counterpoint.interfaces import Items
from counterpoint.modality import Modality
from counterpoint.output.results import Result
from counterpoint.plans import Plan
from counterpoint.runs import run_folder
from counterpoint.runs.locks import holds_out
from counterpoint.runs.provenance import command, described, directory, placed
from counterpoint.setup.capabilities import learns_from_labels
from counterpoint.setup.dataset import TrainingData, UserParts, chosen, identity, open_dataset, without_column
from counterpoint.setup.defaults import completed
from counterpoint.setup.experiment import Experiment, arranged
from counterpoint.setup.progress import may_be_quiet
from counterpoint.setup.supervision import supervise
from counterpoint.storage.files import expanded
from counterpoint.training.devices import memory
from counterpoint.training.signals import StopRequest, stop_requests
from counterpoint.tuning.labelled_items import ProbeItems, questions
from counterpoint.tuning.outcome import tuning_table
from counterpoint.tuning.output_folder import Folder
from counterpoint.tuning.records import Search as SearchRecord
from counterpoint.tuning.scoring import Judge, judge
from counterpoint.tuning.search import BEST, REPORT, TRIALS, Budget, Search, share
from counterpoint.tuning.search_space import MEMORY, Dimension, dimensions
from counterpoint.tuning.study import HELD, Study, quiet, require
from counterpoint.tuning.trial import Bench
from counterpoint.verbs.keywords import TuneKeywords

JOURNAL = "search.jsonl"

OWN = "own"
"""Stands for the labels that a source carries itself; nothing at all stands for a search without labels."""


@dataclass(frozen=True)
class TuneRequest:
    """What was given to ``tune``, read."""

    source: object
    labels: object
    test: object
    place: Folder
    plan: Plan
    """The user's own choices, without the time of the search."""
    user_parts: UserParts
    budget: Budget
    resume: bool
    test_groups: object = None
    """Those of the test items, where they were listed."""


@may_be_quiet
@holds_out
def tune(
    source: object,
    *,
    out: str | Path,
    labels: object = None,
    resume: bool = False,
    overwrite: bool = False,
    **choices: Unpack[TuneKeywords],
) -> Result:
    """Search the choices of a plan: each plan learns for the same time, and the poorer half is given up on the way.

    The first plan is the usual one; at the end it and the best are repeated with other seeds. With labels a plan is
    scored by a linear probe on held-out items, without them by one measure that needs none; all are written down.

    Args:
        source: As for ``fit``. It is opened once.
        out: The folder: ``best.json``, ``trials.json``, ``report.html``, and ``search.jsonl`` to go on from.
        labels: As for ``evaluate``, or ``own`` for those that the source carries. Without them none are looked at.
        resume: Go on with the search in ``out``, for what is left of the minutes.
        overwrite: Replace the search in ``out``.
        choices: Any field of ``Plan``: what is given is not searched. ``minutes`` (30 if nothing is said) is the time
            of all; or ``epochs`` is the length of each plan, and ``trials`` (20) how many there are. And ``repeats``
            (2), seeds with which the best and the usual plan are repeated; ``test``, labelled items to ask about
            (without it a fifth of every class is held out); and any of ``ReadOptions``.

    Returns:
        What ``best.json`` holds (``choices``, ``command``, ``best``, ``usual``, ``repeated``, ``sentence``), with
        ``trials``, ``correlations`` of the measures with the probe, and ``importances`` of the choices.

    Raises:
        InputError: The source, a choice, the labels or the folder cannot be used, or no plan could be trained.
        MissingPackage: optuna is not installed.
        Interrupted: Ctrl-C or SIGTERM; every plan that was done is kept.
    """
    began = time.monotonic()
    require()
    request = _question(source, expanded(out), labels, choices, resume=resume, overwrite=overwrite)
    with quiet(), stop_requests() as stop:
        search = _open(request, stop, began)
        try:
            search.search()
            search.repeat()
        except Interrupted:
            search.finish()
            raise Interrupted(
                f"Stopped after {len(search.study.records())} plans, which lie in '{out}'. Go on with the same command "
                "and --resume."
            ) from None
        return Result(search.finish() or search.nothing(), tuning_table)


def _question(
    source: object, out: Path, labels: object, choices: TuneKeywords, *, resume: bool, overwrite: bool
) -> TuneRequest:
    """What was given, checked as far as that is possible without the data."""
    test = choices.pop("test", None)
    trials, repeats = choices.pop("trials", None), choices.pop("repeats", None)
    plan, user_parts = chosen(choices, labels=labels)
    of_items, of_test = pair(user_parts.groups, separate=test is not None, what="group")
    user_parts = dataclasses.replace(user_parts, groups=of_items)
    budget = Budget.of(plan, trials, repeats)
    completed(plan)
    place = Folder(out, TRIALS, "search", others=(JOURNAL, f"{JOURNAL}{HELD}", BEST, REPORT))
    place.require(resume=resume, overwrite=overwrite)
    plan = dataclasses.replace(plan, minutes=None)
    return TuneRequest(source, labels, test, place, plan, user_parts, budget, resume, of_test)


def _open(request: TuneRequest, stop: StopRequest, began: float) -> Search:
    """The search, its data open and its first record written, or read."""
    plan, user_parts = request.plan, request.user_parts
    modality, items = open_dataset(request.source, plan, user_parts)
    known = _read_labels(request, modality, items)
    learnable = None if known is None else known.learnable
    data = TrainingData(modality, items, supervise(plan, request.source, items, labels=learnable, pairs=None))
    by = judge(modality, items, known, seed=plan.seed)
    usual = arranged(data, plan, user_parts, began=began, measured=not request.resume)
    encoder = usual.plan.encoder
    same = identity(items, modality, encoder, None) if known is None else known.identity(modality, items, encoder)
    head = _requested(request, by, modality) | {"identity": same}
    head = _gone_on(request, head) if request.resume else head | _begun(request, usual, by, began)
    bench = Bench(data, user_parts, plan, by, stop, head["plan_seconds"], head["judging_seconds"])
    if known is not None:
        known.announce()
    space = [Dimension(**each) for each in head["space"]]
    study = Study(request.place.path / JOURNAL, space, seed=plan.seed)
    return Search(request.place.path, head, bench, study, request.budget, began)


def _read_labels(request: TuneRequest, modality: Modality, items: Items) -> ProbeItems | None:
    """The labelled items that plans are asked about, if there are to be any."""
    if request.labels is None and request.test is None:
        if learns_from_labels(request.plan):
            raise LabelError(
                f"The method '{request.plan.method}' learns from labels: give --labels, such as folder or a column."
            )
        return None
    labels = None if isinstance(request.labels, str) and request.labels == OWN else request.labels
    return questions(
        modality,
        request.source,
        items,
        test=request.test,
        labels=labels,
        seed=request.plan.seed,
        groups=request.test_groups,
    )


def _requested(request: TuneRequest, by: Judge, modality: Modality) -> dict[str, Any]:
    """What was asked for, as JSON can hold it."""
    return {
        **placed("source", request.source),
        **placed("test", request.test),
        "labels": described(request.labels),
        "data": without_column(request.user_parts.data, request.labels, modality).record(),
        "out": str(request.place.path),
        "sayable": isinstance(request.source, str | Path)
        and request.user_parts.encoder is None
        and request.user_parts.views is None,
        "command": command(),
        "directory": directory(),
        "by": by.by,
        "asked": request.plan.record(),
        "items": {} if by.test is None else by.test.counts(),
        "test_groups": None if by.test is None or by.test.test.groups is None else by.test.test.groups.tolist(),
        "classes": {} if by.test is None else by.test.read.counts(),
        "machine": run_folder.machine(),
    }


def _begun(request: TuneRequest, usual: Experiment, by: Judge, began: float) -> dict[str, Any]:
    """What is decided once for a search: what is searched, and the time of each plan."""
    held = usual.pace.memory if usual.pace else 1
    batches = MEMORY * memory(usual.recipe.device) / held
    space = dimensions(request.plan, usual.plan, usual.modality, items=len(usual.learned.sampling), batches=batches)
    before = time.monotonic()
    untrained = by(usual.method.to(usual.recipe.device).encoder)
    cost = time.monotonic() - before
    step = usual.pace.seconds if usual.pace else 0.0
    each = share(request.budget, time.monotonic() - began, cost, step)
    path = request.place.path
    for name in (TRIALS, BEST, REPORT, JOURNAL):  # the last one says whose the rest is
        (path / name).unlink(missing_ok=True)
    path.mkdir(parents=True, exist_ok=True)
    return {
        "space": [dimension.record() for dimension in space],
        "plan_seconds": each,
        "judging_seconds": round(cost, 3),
        "untrained": {"score": untrained.score, "measures": untrained.measures},
        "seconds": 0.0,
        "repeats": [],
    }


def _gone_on(request: TuneRequest, head: Mapping[str, Any]) -> dict[str, Any]:
    """The record of the search that is gone on with, if it is of the same data and choices."""
    request.place.require_same(head, ("source", "test", "labels", "data", "by"))
    before: dict[str, Any] = {**request.place.read(SearchRecord)}
    for dimension in before["space"]:
        for value in (dimension["usual"], *dimension.get("values", ())):
            require_trusted({dimension["name"]: value}, request.place.path)
    path = request.place.path
    if before.pop("trials") and not (path / JOURNAL).exists():
        raise RunError(f"'{path / JOURNAL}' is missing, so the search cannot go on. Start anew with --overwrite.")
    return before
