"""One training: prepare, train, monitor, save; in one process or in several started by torchrun."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from counterpoint import catalogue
from counterpoint.data.labels import Labels, read_class_ids
from counterpoint.errors import InputError, Interrupted, LabelError
from counterpoint.evaluation.labelled import Labelled
from counterpoint.evaluation.online import online_knn
from counterpoint.interfaces import Listener, Tracker
from counterpoint.model import Model
from counterpoint.pair_verification.scoring import ALL, enough, verified
from counterpoint.plans import Plan
from counterpoint.reports.views import draw_views
from counterpoint.runs import run_folder
from counterpoint.runs.provenance import command, directory, placed
from counterpoint.setup.build import compared_by
from counterpoint.setup.dataset import UserParts
from counterpoint.setup.experiment import OVERHEAD, Experiment, prepare
from counterpoint.setup.progress import announce, announce_labels, conclude, progress
from counterpoint.setup.supervision import unseen
from counterpoint.storage.files import write_json
from counterpoint.training.batch_norm import settle_statistics
from counterpoint.training.diagnostics import Verdict, judge
from counterpoint.training.distributed import joined
from counterpoint.training.loop import RunOptions, TrainState, train
from counterpoint.training.metrics_log import Records
from counterpoint.training.signals import stop_requests
from counterpoint.training.threads import Threads

ADOPTED = Verdict("good", "adopted", "The encoder was adopted as it is: nothing was trained.")


@dataclass(frozen=True)
class FitRequest:
    """The request of ``fit``."""

    source: object
    plan: Plan
    user_parts: UserParts
    folder: Path | None
    """The run folder; None for a run in memory only."""
    resume: bool
    overwrite: bool
    listeners: Sequence[Listener]
    began: float
    """The time of the request, by ``time.monotonic``."""


def train_run(request: FitRequest) -> Model:
    """Train as requested and return the model; the first of several processes writes the folder."""
    requested, folder, before = request.plan, request.folder, None
    if folder is None and (request.resume or request.overwrite):
        raise InputError("--resume and --overwrite are about a run folder. Give --out.")
    with joined() as processes:
        if folder is not None and processes.first:
            run_folder.check(folder, resume=request.resume, overwrite=request.overwrite)
        if folder is not None and request.resume:
            before = run_folder.read_plan(folder)
            requested = Plan.of(
                run_folder.merged(requested.record(), before["asked"], Plan().record(), before["settled"])
            )
        track = _tracker(requested.track, folder)
        experiment = prepare(
            request.source, requested, request.user_parts, began=request.began, before=before, processes=processes
        )
        read = _read(request, experiment)
        follow = _follower(read, experiment)
        if before is not None:
            run_folder.same_data(before, experiment.identity())
        elif folder is not None and processes.first:
            run_folder.start(folder, _record(request, requested, experiment, read), experiment.items)
            draw_views(experiment.modality, experiment.items, folder / run_folder.VIEWS, seed=requested.seed)
        if processes.first:
            announce(experiment.summary(), folder)
            if read is not None:
                announce_labels(read, left_out=False, held_out=False)
        tracked = track(folder, experiment.plan.record()) if track and folder and processes.first else nullcontext()
        with stop_requests() as stop, progress(speaks=processes.first) as bar, tracked as curves:
            run_options = RunOptions(
                folder=folder,
                resume=request.resume,
                save_every=requested.save_every,
                listeners=(bar, *([curves] if curves else []), *request.listeners),
                each_epoch=follow,
                stop=stop,
                deadline=None
                if requested.minutes is None or request.resume
                else request.began + 60 * OVERHEAD * requested.minutes,
                threads=_threads(experiment),
                notes=compared_by(experiment.plan),
            )
            train_state = _trained(experiment, run_options)
    return _kept(experiment, train_state, folder)


def _tracker(name: str | None, folder: Path | None) -> Tracker | None:
    """The tracker of this name."""
    if name is None:
        return None
    if folder is None:
        raise InputError("Curves are written beside a run. Give --out, or leave out --track.")
    tracker: Tracker = catalogue.find("tracker", name)()
    return tracker


def _kept(experiment: Experiment, train_state: TrainState, folder: Path | None) -> Model:
    """The model of a finished run, saved and evaluated by the first process."""
    method = experiment.method.cpu().eval()
    head = getattr(method, "head", None)  # some methods have none
    kept = head if isinstance(head, nn.Sequential) and len(head) and not experiment.adopted else None
    model = Model(method.encoder, experiment.modality, experiment.built, kept)
    if not experiment.adopted:
        settle_statistics(
            nn.Sequential(method.encoder, *([kept] if kept else [])), experiment.items, experiment.modality
        )
    if not experiment.recipe.processes.first:
        return model
    verdicts = [ADOPTED] if experiment.adopted else judge(train_state.records.all)
    if folder is not None:
        model.save(folder)
        described = [verdict.record() for verdict in verdicts]
        run_folder.finish(folder, described, steps=train_state.step, seconds=train_state.seconds)
    conclude(run_folder.not_evaluated(folder), verdicts)
    if folder is not None and experiment.learned.kept is not None and enough(experiment.learned.kept):
        result = verified(model, experiment.items, {ALL: experiment.learned.kept}, seed=experiment.plan.seed)
        write_json(folder / run_folder.VERIFICATION, result)
    return model


def _threads(experiment: Experiment) -> Threads | None:
    """Chooses between all threads and one in a run with a time budget; not with several processes."""
    pace, recipe = experiment.pace, experiment.recipe
    if pace is None or recipe.device.type != "cpu" or recipe.processes.count > 1 or torch.get_num_threads() == 1:
        return None
    return Threads(torch.get_num_threads(), pace.threads)


def _trained(experiment: Experiment, run_options: RunOptions) -> TrainState:
    if experiment.adopted:
        return TrainState(0, 0, 0.0, Records())
    try:
        with torch.random.fork_rng():
            return train(experiment.method, experiment.items, experiment.modality, experiment.recipe, run_options)
    except Interrupted as stopped:
        if run_options.folder is None:
            raise Interrupted(f"{stopped} Nothing was saved, because the run had no folder (--out).") from None
        raise Interrupted(f"{stopped} Continue with the same command and --resume.") from None


def _read(request: FitRequest, experiment: Experiment) -> Labels | None:
    """The labels that are learned from, else those that monitor the run, if any."""
    labels = request.user_parts.labels
    if labels is None or experiment.learned.answers is not None:
        return experiment.learned.read
    unseen(labels, experiment.modality)
    read = read_class_ids(labels, request.source, experiment.items)
    if read.class_ids.ndim != 1:
        raise LabelError("Neighbours are followed by one class for each item. These labels name several at once.")
    return read


def _follower(read: Labels | None, experiment: Experiment) -> Any:
    """Monitors kNN accuracy by labels; not by those that are learned from, which would be misleading."""
    if read is None or experiment.learned.answers is not None:
        return None
    labelled = Labelled.read(experiment.items, read).labelled()
    return online_knn(experiment.modality, labelled.items, labelled.labels, epochs=experiment.plan.epochs or 1)


def _record(request: FitRequest, requested: Plan, experiment: Experiment, read: Labels | None) -> dict[str, Any]:
    counts, learned = {} if read is None else read.counts(), experiment.learned.read is not None
    return {
        **placed("source", request.source),
        "command": command(),
        "directory": directory(),
        "data": request.user_parts.data.record(),
        "asked": requested.record(),
        "settled": experiment.plan.record(),
        "items": len(experiment.items),
        "classes": counts if learned else {},
        "followed": {} if learned else counts,
        "steps": experiment.recipe.steps,
        "steps_per_epoch": experiment.per_epoch,
        "identity": experiment.identity(),
        "summary": experiment.summary(),
    }
