"""Test that several processes learn what one would: the same steps on 1, 2 and 4 of them, compared value by value.

Process groups run on the CPUs of this machine (gloo), in float64, where sums in another order differ by less than
1e-10; a factor that is wrong by the number of processes, or a missing negative, differs by far more.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.multiprocessing.spawn import spawn

from counterpoint.batch import double
from counterpoint.errors import RunError
from counterpoint.interfaces import Step
from counterpoint.plans import Plan
from counterpoint.setup.capabilities import learns_from_labels
from counterpoint.setup.experiment import UserParts, prepare
from counterpoint.training.batch_norm import share_statistics
from counterpoint.training.batches import make_batch
from counterpoint.training.distributed import Processes, joined_by_file, leave
from counterpoint.training.loop import train_step
from counterpoint.training.optimizers import sgd

COUNTS = (1, 2, 4)
STEPS = 2
BATCH = 64
CLASSES = 4
TOLERANCE = 1e-8
"""The largest relative deviation that counts as rounding, in float64."""


class Deviation(NamedTuple):
    """The deviation of a number of processes from one process: the largest difference over the largest value."""

    processes: int
    loss: float
    gradient: float
    memory: float

    @property
    def agrees(self) -> bool:
        """Whether nothing differs by more than rounding."""
        return all(each < TOLERANCE for each in (self.loss, self.gradient, self.memory))  # false for NaN


def check_processes(
    plans: Sequence[Plan], source: object = None, *, labels: object = None, counts: Sequence[int] = COUNTS
) -> list[list[Deviation]]:
    """For every plan, the deviation of each number of processes from one process.

    Args:
        plans: The plans; batches are cut to 64 items, so that it takes seconds.
        source: The data, a path or an array; rows of random numbers when left out.
        labels: As for ``fit``, where a plan learns from them; classes of the random rows when left out.
        counts: The numbers of processes, the first of which is 1.
    """
    held = source
    if source is None:
        held = _rows()
        labels = np.arange(len(held)) % CLASSES if labels is None else labels
    tried = [_cut(plan) for plan in plans]
    for plan in tried:
        prepare(
            held, plan, _user_parts(plan, labels), began=time.monotonic()
        )  # wrong input is reported here, not in a subprocess
    records = [plan.record() for plan in tried]
    with tempfile.TemporaryDirectory(prefix="counterpoint-") as folder:
        for count in counts:
            spawn(_work, (count, folder, records, (held, labels)), nprocs=count)  # type: ignore[no-untyped-call]
        results = {count: [_read(folder, count, row) for row in range(len(plans))] for count in counts}
    alone = results[counts[0]]
    return [[_deviation(count, alone[row], results[count][row]) for count in counts[1:]] for row in range(len(plans))]


def _work(
    rank: int, count: int, folder: str, records: Sequence[Mapping[str, Any]], data: tuple[object, object]
) -> None:
    """One process of ``count``: every plan's steps; the first process writes the results."""
    torch.set_num_threads(1)
    with joined_by_file(f"{folder}/meeting-{count}", rank, count) as processes:
        for row, record in enumerate(records):
            result = _steps(Plan.of(record), *data, processes)
            if processes.first:
                _write(folder, count, row, result)
        leave(processes)


def _cut(plan: Plan) -> Plan:
    """The plan for two small steps on a CPU."""
    batch = min(plan.batch_size or BATCH, BATCH)
    small = dataclasses.replace(plan, batch_size=batch, micro_batch=None, epochs=1, minutes=None)
    return dataclasses.replace(small, device="cpu", precision="fp32")


def _user_parts(plan: Plan, labels: object) -> UserParts:
    return UserParts(labels=labels if learns_from_labels(plan) else None)


def _steps(plan: Plan, source: object, labels: object, processes: Processes) -> dict[str, Tensor]:
    """Losses, gradients and memory after some steps in float64."""
    parts = prepare(source, plan, _user_parts(plan, labels), began=time.monotonic(), processes=processes)
    method, recipe = parts.method.double().train(), parts.recipe
    share_statistics(method, processes)
    optimizer = sgd(method, learning_rate=0.1)
    result: dict[str, Tensor] = {}
    for step in range(STEPS):
        counts = {"count": method.views, "shifts": method.shifts}
        info, views = make_batch(parts.items, parts.modality, recipe, step=step, **counts)
        loss, vectors = train_step(method, optimizer, tuple(double(view) for view in views), info, recipe, step=step)
        result[f"loss {step}"] = torch.tensor(processes.sum(loss), dtype=torch.float64)
        for name, weight in method.named_parameters():
            if weight.grad is not None:
                result[f"gradient {step} {name}"] = weight.grad.clone()
        method.remember(Step(step + 1, STEPS, vectors, info))
    result |= {f"memory {name}": buffer.double() for name, buffer in method.named_buffers()}
    return result


def _deviation(count: int, alone: Mapping[str, Tensor], together: Mapping[str, Tensor]) -> Deviation:
    if alone.keys() != together.keys():
        raise RunError(f"{count} processes leave other weights without a gradient than one process does.")

    def largest(kind: str) -> float:
        names = [name for name in alone if name.startswith(kind)]
        if not names:
            return 0.0
        one, many = (torch.cat([each[name].flatten() for name in names]) for each in (alone, together))
        return float((one - many).abs().max()) / (float(one.abs().max()) or 1.0)

    return Deviation(count, largest("loss"), largest("gradient"), largest("memory"))


def _rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(160, 12)).astype(np.float32)


def _write(folder: str, count: int, row: int, result: Mapping[str, Tensor]) -> None:
    from safetensors.torch import save_file

    save_file({name: tensor.contiguous() for name, tensor in result.items()}, f"{folder}/{count}-{row}")


def _read(folder: str, count: int, row: int) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return load_file(Path(folder) / f"{count}-{row}")
