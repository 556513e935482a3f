"""The request of a search, and the search that it opens: its data, and its first record, or the one to resume."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoint.catalogue.trust import require_trusted
from counterpoint.errors import LabelError, RunError
from counterpoint.interfaces import Items
from counterpoint.modality import Modality
from counterpoint.plans import Plan
from counterpoint.runs import run_folder
from counterpoint.runs.provenance import command, described, directory, placed
from counterpoint.setup.capabilities import learns_from_labels
from counterpoint.setup.dataset import TrainingData, UserParts, identity, open_dataset, without_column
from counterpoint.setup.experiment import Experiment, arranged
from counterpoint.setup.supervision import supervise
from counterpoint.training.devices import memory
from counterpoint.training.signals import StopRequest
from counterpoint.tuning.labelled_items import OWN, ProbeItems, questions
from counterpoint.tuning.output_folder import Folder
from counterpoint.tuning.records import Search as SearchRecord
from counterpoint.tuning.scoring import Judge, judge
from counterpoint.tuning.search import BEST, REPORT, TRIALS, Budget, Search, share
from counterpoint.tuning.search_space import MEMORY, Dimension, dimensions
from counterpoint.tuning.study import HELD, Study
from counterpoint.tuning.trial import Bench

JOURNAL = "search.jsonl"


@dataclass(frozen=True)
class TuneRequest:
    """The arguments of ``tune``."""

    source: object
    labels: object
    test: object
    place: Folder
    plan: Plan
    """The user's choices, without the time of the search."""
    user_parts: UserParts
    budget: Budget
    resume: bool
    test_groups: object = None
    """Those of the test items, where they were given as a list."""


def search_folder(out: Path) -> Folder:
    """The folder of a search, with the files that may exist before its record does."""
    return Folder(out, TRIALS, "search", others=(JOURNAL, f"{JOURNAL}{HELD}", BEST, REPORT))


def open_search(request: TuneRequest, stop: StopRequest, began: float) -> Search:
    """The search, with its data opened and its first record written, or read."""
    plan, user_parts = request.plan, request.user_parts
    modality, items = open_dataset(request.source, plan, user_parts)
    labelled = _read_labels(request, modality, items)
    learnable = None if labelled is None else labelled.learnable
    data = TrainingData(modality, items, supervise(plan, request.source, items, labels=learnable, pairs=None))
    by = judge(modality, items, labelled, seed=plan.seed)
    usual = arranged(data, plan, user_parts, began=began, measured=not request.resume)
    encoder = usual.plan.encoder
    same = identity(items, modality, encoder, None) if labelled is None else labelled.identity(modality, items, encoder)
    head = _requested(request, by, modality) | {"identity": same}
    head = _gone_on(request, head) if request.resume else head | _begun(request, usual, by, began)
    bench = Bench(data, user_parts, plan, by, stop, head["plan_seconds"], head["judging_seconds"])
    if labelled is not None:
        labelled.announce()
    space = [Dimension(**each) for each in head["space"]]
    study = Study(request.place.path / JOURNAL, space, seed=plan.seed)
    return Search(request.place.path, head, bench, study, request.budget, began)


def _read_labels(request: TuneRequest, modality: Modality, items: Items) -> ProbeItems | None:
    """The labelled items that plans are scored on, if there are to be any."""
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
    """The request as JSON values."""
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
    """What is fixed for a search: its dimensions, and the time of each trial."""
    held = usual.pace.memory if usual.pace else 1
    batches = MEMORY * memory(usual.recipe.device) / held
    space = dimensions(request.plan, usual.plan, usual.modality, items=len(usual.learned.sampling), batches=batches)
    before = time.monotonic()
    untrained = by(usual.method.to(usual.recipe.device).encoder)
    cost = time.monotonic() - before
    step = usual.pace.seconds if usual.pace else 0.0
    each = share(request.budget, time.monotonic() - began, cost, step)
    path = request.place.path
    for name in (TRIALS, BEST, REPORT, JOURNAL):  # the last one identifies the others
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
    """The record of the search that is resumed, if it has the same data and choices."""
    request.place.require_same(head, ("source", "test", "labels", "data", "by"))
    before: dict[str, Any] = {**request.place.read(SearchRecord)}
    for dimension in before["space"]:
        for value in (dimension["usual"], *dimension.get("values", ())):
            require_trusted({dimension["name"]: value}, request.place.path)
    path = request.place.path
    if before.pop("trials") and not (path / JOURNAL).exists():
        raise RunError(f"'{path / JOURNAL}' is missing, so the search cannot go on. Start anew with --overwrite.")
    return before
