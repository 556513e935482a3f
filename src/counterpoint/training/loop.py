"""Train: take items, look at them, encode, project, compare, lose, step. Read ``train`` from top to bottom.

Nothing here knows a method, an objective or a kind of data. The order of an epoch and every view are functions of
(seed, epoch, item, view), and what dropout draws is one of (seed, step, process, piece), so a run can stop at any step
and go on as if it had not.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from counterpoint import rng
from counterpoint.comparison import Comparison
from counterpoint.comparison.loss import loss_of
from counterpoint.comparison.row_sums import Changing
from counterpoint.errors import InputError, Interrupted
from counterpoint.interfaces import ItemInfo, Items, Listener, Losses, Method, Step, Vectors, Views
from counterpoint.modality import Modality
from counterpoint.storage.weights import not_finite
from counterpoint.training import checkpoint, diagnostics
from counterpoint.training.batch_norm import own_statistics, share_statistics
from counterpoint.training.batches import look
from counterpoint.training.config import FEWEST, Recipe, count_of_pieces, steps_per_epoch
from counterpoint.training.devices import precise
from counterpoint.training.distributed import Processes
from counterpoint.training.gradient_caching import backward_in_pieces, pieces_of, project_in_pieces
from counterpoint.training.metrics_log import Record, Records
from counterpoint.training.optimizers import set_rate
from counterpoint.training.signals import StopRequest
from counterpoint.training.threads import Threads, computing_with

REPLANNED = (5, 10, 20, 50, 100, 200)
"""Steps after which a run that goes by time is planned anew by the time they took, besides the ends of epochs."""

EachEpoch = Callable[[Method, int], Mapping[str, Any]]
"""Is called after an epoch and adds what it returns to the records."""


@dataclass(frozen=True)
class Keeping:
    """What a run leaves behind while it goes, and who is told."""

    folder: Path | None = None
    resume: bool = False
    save_every: int | None = None
    listeners: Sequence[Listener] = ()
    each_epoch: EachEpoch | None = None
    stop: StopRequest = field(default_factory=StopRequest)
    deadline: float | None = None
    threads: Threads | None = None
    """Chooses the number of threads as the run goes; None to keep it."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """Facts that ``watch`` needs with every record: the objective's name and its temperature."""


@dataclass
class Course:
    """Where a run stands."""

    step: int
    steps: int
    seconds: float
    records: Records

    @property
    def finished(self) -> bool:
        return self.step >= self.steps


def train(method: Method, items: Items, modality: Modality, recipe: Recipe, keeping: Keeping | None = None) -> Course:
    """Train the method's weights in place and return the course of the run.

    Raises ``Interrupted`` when asked to stop, after saving; ``InputError`` when the loss or a weight is no longer a
    number, before anything of that is saved.
    """
    keeping = keeping or Keeping()
    method.to(recipe.device).train()
    recipe.processes.start_alike(method)
    share_statistics(method, recipe.processes)
    optimizer = recipe.optimizer(method, learning_rate=recipe.learning_rate, weight_decay=recipe.weight_decay)
    course = _start(method, optimizer, recipe, keeping)
    per_epoch = steps_per_epoch(len(recipe.rows(items)), recipe.batch_size)
    started, saved = time.monotonic() - course.seconds, time.monotonic()
    every = max(1, min(per_epoch, course.steps // 200))
    while not course.finished:
        epoch, place = divmod(course.step, per_epoch)
        set_rate(optimizer, recipe.rate(course.step, course.steps))
        with _timed(keeping.threads):
            info, views = look(items, modality, recipe, step=course.step, count=method.views)
            loss, vectors = learn(method, optimizer, views, info, recipe, step=course.step)
        loss, stops = recipe.processes.sum(loss, keeping.stop.asked)
        course.step += 1
        course.seconds = time.monotonic() - started
        if keeping.deadline is not None and (place == per_epoch - 1 or course.step in REPLANNED):
            _plan_anew(epoch, course, recipe.processes, keeping, keeping.deadline)
        if course.step == 1 or course.step % every == 0 or course.finished:
            _require_finite(loss, course, optimizer)
            if recipe.processes.first:
                record = _record(method, vectors, info, views, course, keeping)
                rates = {"loss": loss, "learning_rate": optimizer.param_groups[0]["lr"], "epoch": epoch}
                _tell({**rates, **record, "views_per_second": _speed(course, recipe, method)}, course, keeping)
        method.remember(Step(course.step, course.steps, vectors, info))
        if place == per_epoch - 1 and recipe.processes.first:
            _end_epoch(method, epoch, course, keeping)
        if recipe.processes.first and keeping.folder is not None and (stops or _due(course, keeping, saved)):
            _require_finite(loss, course, optimizer, method)
            _save(method, optimizer, course, keeping.folder)
            saved = time.monotonic()
        if stops and not course.finished:
            raise Interrupted(f"Stopped after step {course.step} of {course.steps}.")
    _require_finite(0.0, course, optimizer, method)
    own_statistics(method)
    return course


def learn(
    method: Method, optimizer: Optimizer, views: Views, info: ItemInfo, recipe: Recipe, *, step: int
) -> tuple[float, Vectors]:
    """One step: project, compare, lose, move the weights.

    Returns this process's part of the mean loss, and the vectors of all processes as they were compared.
    """
    processes = recipe.processes

    def project(number: int, piece: Views) -> Vectors:
        torch.manual_seed(rng.number(seed=recipe.seed, step=step, process=processes.rank, piece=number))
        with precise(recipe.precision, recipe.device):
            return method.project(piece)

    optimizer.zero_grad(set_to_none=True)
    pieces = pieces_of(views, count_of_pieces(recipe))
    own = project(0, views) if len(pieces) == 1 else project_in_pieces(project, pieces)
    vectors = tuple(processes.gather(vector, len(info.index)) for vector in own)
    parts = [_mean(part, method, processes) for part in method.outcomes(vectors, info)]
    loss = sum(parts[1:], parts[0])
    loss.backward()  # type: ignore[no-untyped-call]
    if len(pieces) > 1:
        backward_in_pieces(project, pieces, own, method)
    processes.sum_gradients(method.parameters())
    optimizer.step()
    return float(loss.detach()), tuple(vector.detach() for vector in vectors)


def _mean(outcome: Comparison | Losses, method: Method, processes: Processes) -> Tensor:
    """This process's part of the mean loss of all rows."""
    if isinstance(outcome, Comparison):
        return loss_of(processes.share(outcome), method.objective) / len(outcome.anchors)
    return outcome.mean() / processes.count


def _start(method: Method, optimizer: Optimizer, recipe: Recipe, keeping: Keeping) -> Course:
    path = keeping.folder / "metrics.jsonl" if keeping.folder and recipe.processes.first else None
    if not keeping.resume or keeping.folder is None:
        return Course(0, recipe.steps, 0.0, Records(path))
    state = checkpoint.read(keeping.folder / "state.pt")
    checkpoint.restore(state, method, optimizer)
    return Course(state["step"], state["steps"], state["seconds"], Records(path, until=state["step"]))


def _record(
    method: Method, vectors: Vectors, info: ItemInfo, views: Views, course: Course, keeping: Keeping
) -> dict[str, Any]:
    with torch.no_grad():
        tables = [part for part in method.outcomes(vectors, info) if isinstance(part, Comparison)]
        table = tables[0] if tables else method.watched(vectors, info)
    record: dict[str, Any] = dict(keeping.notes)
    objective = getattr(method, "objective", None)
    if isinstance(objective, Changing):
        record["temperature"] = float(torch.as_tensor(objective.formula().keywords["temperature"]).detach())
    if table is not None:
        record |= diagnostics.measure(table, record.get("temperature") or 0.1)
    comparable = len(views) > 1 and views[0].shape == views[1].shape and views[0].is_floating_point()
    if course.step == 1 and comparable:  # between the numbers of words there is no distance
        record["view_difference"] = diagnostics.view_difference(views[0], views[1])
    return record


def _tell(record: Record, course: Course, keeping: Keeping) -> None:
    whole = {"step": course.step, "steps": course.steps, "seconds": round(course.seconds, 3), **record}
    course.records.add(whole)
    for listener in () if keeping.stop.asked else keeping.listeners:  # who has hung up cannot be told anything
        listener(whole)


def _end_epoch(method: Method, epoch: int, course: Course, keeping: Keeping) -> None:
    if keeping.each_epoch is not None:
        found = keeping.each_epoch(method, epoch)
        method.train()
        if found:
            _tell({"epoch": epoch, **found}, course, keeping)


@contextlib.contextmanager
def _timed(threads: Threads | None) -> Iterator[None]:
    """A step, with as many threads as were chosen for it, who are told how long it took."""
    if threads is None:
        yield
        return
    began = time.monotonic()
    with computing_with(threads.next_step()):
        yield
    threads.took(time.monotonic() - began)


def _plan_anew(epoch: int, course: Course, processes: Processes, keeping: Keeping, deadline: float) -> None:
    if course.step < 0.9 * course.steps:
        left, each = max(0.0, deadline - time.monotonic()), course.seconds / course.step
        possible = int(processes.from_first(max(FEWEST, course.step + math.floor(left / each))))
        if abs(possible - course.steps) > 0.1 * course.steps:  # the machine is busier, or idler, than when measured
            planned, course.steps = course.steps, max(course.step, possible)
            if processes.first:
                anew = {"planned_anew": course.steps, "planned": planned, "seconds_per_step": round(each, 4)}
                _tell({"epoch": epoch, **anew}, course, keeping)


def _speed(course: Course, recipe: Recipe, method: Method) -> float:
    seen = course.step * recipe.batch_size * (method.views + recipe.local_views)
    return round(seen / max(course.seconds, 1e-9), 1)


def _due(course: Course, keeping: Keeping, saved: float) -> bool:
    if course.finished:
        return True
    if keeping.save_every is not None:
        return course.step % keeping.save_every == 0
    return time.monotonic() - saved > 60


def _save(method: Method, optimizer: Optimizer, course: Course, folder: Path) -> None:
    state = checkpoint.snapshot(method, optimizer, step=course.step, steps=course.steps, seconds=course.seconds)
    checkpoint.save(state, folder / "state.pt")


def _require_finite(loss: float, course: Course, optimizer: Optimizer, method: Method | None = None) -> None:
    """Refuse to go on from a loss, or from what a method has learned, that is no number."""
    lost = None if method is None else not_finite(method)
    if math.isfinite(loss) and lost is None:
        return
    what = "The loss is" if lost is None else f"Weights ('{lost}') are"
    rate_now = optimizer.param_groups[0]["lr"]
    raise InputError(
        f"{what} not finite after step {course.step}: the learning rate ({rate_now:.2g} here) is too high for "
        "this data. Start anew with a --learning-rate three times lower, or with --precision=fp32."
    )
