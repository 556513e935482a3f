"""The training loop: take items, augment, encode, project, compare, step. Read ``train`` from top to bottom.

Nothing here depends on a method, an objective or a kind of data. The order of an epoch and every view are functions of
(seed, epoch, item, view), and dropout is one of (seed, step, process, piece), so a run can stop at any step and resume
as if it had not.
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
from counterpoint.batch import flat, measured, shape
from counterpoint.comparison import Comparison
from counterpoint.comparison.loss import loss_of
from counterpoint.comparison.row_sums import ChangingTemperature
from counterpoint.errors import InputError, Interrupted
from counterpoint.interfaces import ItemInfo, Items, Listener, Losses, Method, Step, Vectors, Views
from counterpoint.modality import Modality
from counterpoint.storage.weights import not_finite
from counterpoint.training import checkpoint, diagnostics
from counterpoint.training.batch_norm import share_statistics, unshare_statistics
from counterpoint.training.batches import make_batch
from counterpoint.training.config import FEWEST, TrainConfig, count_of_pieces, steps_per_epoch
from counterpoint.training.devices import precise
from counterpoint.training.distributed import Processes
from counterpoint.training.gradient_caching import backward_in_pieces, pieces_of, project_in_pieces
from counterpoint.training.metrics_log import Record, Records
from counterpoint.training.optimizers import set_rate
from counterpoint.training.signals import StopRequest
from counterpoint.training.threads import Threads, computing_with

REPLANNED = (5, 10, 20, 50, 100, 200)
"""Steps after which a run with a time budget replans its length from measured times, besides at the ends of epochs."""

EachEpoch = Callable[[Method, int], Mapping[str, Any]]
"""Called after an epoch; what it returns is added to the records."""


@dataclass(frozen=True)
class RunOptions:
    """What a run writes while it trains, and its listeners."""

    folder: Path | None = None
    resume: bool = False
    save_every: int | None = None
    listeners: Sequence[Listener] = ()
    each_epoch: EachEpoch | None = None
    stop: StopRequest = field(default_factory=StopRequest)
    deadline: float | None = None
    threads: Threads | None = None
    """Chooses the number of threads during the run; None to keep it."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """Facts that diagnostics need with every record: the objective's name and its temperature."""


@dataclass
class TrainState:
    """The position in a run, and its records."""

    step: int
    steps: int
    seconds: float
    records: Records

    @property
    def finished(self) -> bool:
        return self.step >= self.steps


def train(
    method: Method, items: Items, modality: Modality, config: TrainConfig, options: RunOptions | None = None
) -> TrainState:
    """Train the method's weights in place and return the state of the run at its end.

    Raises ``Interrupted`` when a stop was requested, after saving; ``InputError`` when the loss or a weight is no
    longer finite, before that is saved.
    """
    options = options or RunOptions()
    method.to(config.device).train()
    config.processes.synchronise(method)
    share_statistics(method, config.processes)
    optimizer = config.optimizer(method, learning_rate=config.learning_rate, weight_decay=config.weight_decay)
    state = _start(method, optimizer, config, options)
    per_epoch = steps_per_epoch(len(config.rows(items)), config.batch_size)
    started, saved = time.monotonic() - state.seconds, time.monotonic()
    every = max(1, min(per_epoch, state.steps // 200))
    while not state.finished:
        epoch, place = divmod(state.step, per_epoch)
        set_rate(optimizer, config.rate(state.step, state.steps))
        with _timed(options.threads):
            info, views = make_batch(items, modality, config, step=state.step, count=method.views, shifts=method.shifts)
            loss, vectors = train_step(method, optimizer, views, info, config, step=state.step)
        loss, stops = config.processes.sum(loss, options.stop.requested)
        state.step += 1
        state.seconds = time.monotonic() - started
        if options.deadline is not None and (place == per_epoch - 1 or state.step in REPLANNED):
            _plan_anew(epoch, state, config.processes, options, options.deadline)
        if state.step == 1 or state.step % every == 0 or state.finished:
            _require_finite(loss, state, optimizer)
            if config.processes.first:
                record = _record(method, vectors, info, views, state, options)
                rates = {"loss": loss, "learning_rate": optimizer.param_groups[0]["lr"], "epoch": epoch}
                speed = {"views_per_second": _speed(state, config, method)}
                _tell({**rates, **record, **speed}, state, options)
        method.remember(Step(state.step, state.steps, vectors, info))
        if place == per_epoch - 1 and config.processes.first:
            _end_epoch(method, epoch, state, options)
        if config.processes.first and options.folder is not None and (stops or _due(state, options, saved)):
            _require_finite(loss, state, optimizer, method)
            _save(method, optimizer, state, options.folder)
            saved = time.monotonic()
        if stops and not state.finished:
            raise Interrupted(f"Stopped after step {state.step} of {state.steps}.")
    _require_finite(0.0, state, optimizer, method)
    unshare_statistics(method)
    return state


def train_step(
    method: Method, optimizer: Optimizer, views: Views, info: ItemInfo, config: TrainConfig, *, step: int
) -> tuple[float, Vectors]:
    """One step: project, compare, backpropagate, update the weights.

    Returns this process's part of the mean loss, and the compared vectors of all processes.
    """
    processes = config.processes

    def project(number: int, piece: Views) -> Vectors:
        torch.manual_seed(rng.number(seed=config.seed, step=step, process=processes.rank, piece=number))
        with precise(config.precision, config.device):
            return method.project(piece)

    optimizer.zero_grad(set_to_none=True)
    pieces = pieces_of(views, count_of_pieces(config))
    local = project(0, views) if len(pieces) == 1 else project_in_pieces(project, pieces)
    vectors = tuple(processes.gather(vector, len(info.index)) for vector in local)
    parts = [mean_loss(part, method, processes) for part in method.outcomes(vectors, info)]
    loss = sum(parts[1:], parts[0])
    loss.backward()  # type: ignore[no-untyped-call]
    if len(pieces) > 1:
        backward_in_pieces(project, pieces, local, method)
    processes.sum_gradients(method.parameters())
    optimizer.step()
    return float(loss.detach()), tuple(vector.detach() for vector in vectors)


def mean_loss(outcome: Comparison | Losses, method: Method, processes: Processes) -> Tensor:
    """This process's part of the mean loss of all rows."""
    if isinstance(outcome, Comparison):
        return loss_of(processes.share(outcome), method.objective) / len(outcome.anchors)
    return outcome.mean() / processes.count


def _start(method: Method, optimizer: Optimizer, config: TrainConfig, options: RunOptions) -> TrainState:
    path = options.folder / "metrics.jsonl" if options.folder and config.processes.first else None
    if not options.resume or options.folder is None:
        return TrainState(0, config.steps, 0.0, Records(path))
    saved = checkpoint.read(options.folder / "state.pt")
    checkpoint.restore(saved, method, optimizer)
    return TrainState(saved["step"], saved["steps"], saved["seconds"], Records(path, until=saved["step"]))


def _record(
    method: Method, vectors: Vectors, info: ItemInfo, views: Views, state: TrainState, options: RunOptions
) -> dict[str, Any]:
    with torch.no_grad():
        tables = [part for part in method.outcomes(vectors, info) if isinstance(part, Comparison)]
        table = tables[0] if tables else method.watched(vectors, info)
    record: dict[str, Any] = dict(options.notes)
    objective = getattr(method, "objective", None)
    if isinstance(objective, ChangingTemperature):
        record["temperature"] = float(torch.as_tensor(objective.formula().keywords["temperature"]).detach())
    if table is not None:
        record |= diagnostics.measure(table, record.get("temperature") or 0.1)
    if state.step == 1 and len(views) > 1 and shape(views[0]) == shape(views[1]) and measured(views[0]):
        record["view_difference"] = diagnostics.view_difference(flat(views[0]), flat(views[1]))
    return record


def _tell(record: Record, state: TrainState, options: RunOptions) -> None:
    event = {"step": state.step, "steps": state.steps, "seconds": round(state.seconds, 3), **record}
    state.records.add(event)
    for listener in () if options.stop.requested else options.listeners:  # after a hang-up there is no terminal
        listener(event)


def _end_epoch(method: Method, epoch: int, state: TrainState, options: RunOptions) -> None:
    if options.each_epoch is not None:
        result = options.each_epoch(method, epoch)
        method.train()
        if result:
            _tell({"epoch": epoch, **result}, state, options)


@contextlib.contextmanager
def _timed(threads: Threads | None) -> Iterator[None]:
    """Run a step with the chosen number of threads, and report its time."""
    if threads is None:
        yield
        return
    began = time.monotonic()
    with computing_with(threads.next_step()):
        yield
    threads.took(time.monotonic() - began)


def _plan_anew(epoch: int, state: TrainState, processes: Processes, options: RunOptions, deadline: float) -> None:
    if state.step < 0.9 * state.steps:
        left, each = max(0.0, deadline - time.monotonic()), state.seconds / state.step
        possible = int(processes.from_first(max(FEWEST, state.step + math.floor(left / each))))
        if abs(possible - state.steps) > 0.1 * state.steps:  # the machine's load differs from when it was measured
            planned, state.steps = state.steps, max(state.step, possible)
            if processes.first:
                anew = {"planned_anew": state.steps, "planned": planned, "seconds_per_step": round(each, 4)}
                _tell({"epoch": epoch, **anew}, state, options)


def _speed(state: TrainState, config: TrainConfig, method: Method) -> float:
    seen = state.step * config.batch_size * (method.views + config.local_views)
    return round(seen / max(state.seconds, 1e-9), 1)


def _due(state: TrainState, options: RunOptions, saved: float) -> bool:
    if state.finished:
        return True
    if options.save_every is not None:
        return state.step % options.save_every == 0
    return time.monotonic() - saved > 60


def _save(method: Method, optimizer: Optimizer, state: TrainState, folder: Path) -> None:
    snapshot = checkpoint.snapshot(method, optimizer, step=state.step, steps=state.steps, seconds=state.seconds)
    checkpoint.save(snapshot, folder / "state.pt")


def _require_finite(loss: float, state: TrainState, optimizer: Optimizer, method: Method | None = None) -> None:
    """Raise ``InputError`` if a loss, or a part of the method, is not finite."""
    lost = None if method is None else not_finite(method)
    if math.isfinite(loss) and lost is None:
        return
    what = "The loss is" if lost is None else f"Weights ('{lost}') are"
    rate_now = optimizer.param_groups[0]["lr"]
    raise InputError(
        f"{what} not finite after step {state.step}: the learning rate ({rate_now:.2g} here) is too high for "
        "this data. Start anew with a --learning-rate three times lower, or with --precision=fp32."
    )
