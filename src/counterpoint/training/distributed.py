r"""Several processes that train one method together, with the gradient that a single process would compute.

Every process encodes its share of a batch; the vectors are gathered, so that negatives are those of the whole batch;
then every process takes a share of the anchors. With L_r the loss of the anchors of process r over all n anchors,

    L = sum_r L_r,      dL/dv_own = own rows of sum_r dL_r/dv      (backward of ``gather``)
                        dL/dw     = sum_r dL_r/dw                  (``sum_gradients``)

Sums, not means: nothing is scaled by the number of processes, and shares may be of unequal size.
This is the only file that imports torch.distributed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist  # noqa: TID251  (the one place)
from jaxtyping import Float, Int64, Shaped
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from counterpoint.comparison import Comparison
from counterpoint.errors import Interrupted

PATIENCE = timedelta(minutes=60)
"""How long a process waits for the others, for instance while one of them decodes a folder of photos."""


@dataclass(frozen=True)
class Processes:
    """The rank of this process, and the number of processes."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and prints."""
        return self.rank == 0

    def local(self, items: Int64[Tensor, " b"]) -> Int64[Tensor, " s"]:
        """The items of a batch that this process encodes: every ``count``-th."""
        return items[self.rank :: self.count]

    def share(self, comparison: Comparison) -> Comparison:
        """The anchors whose losses this process computes."""
        if self.count == 1:
            return comparison
        n = len(comparison.anchors)
        return comparison.part(slice(n * self.rank // self.count, n * (self.rank + 1) // self.count))

    def gather(self, vectors: Float[Tensor, "s d"], total: int) -> Float[Tensor, "{total} d"]:
        """The vectors of all processes in the order of the batch; in the backward pass gradients are summed."""
        if self.count == 1:
            return vectors
        longest = -(-total // self.count)
        padded = torch.cat([vectors, vectors.new_zeros(longest - len(vectors), *vectors.shape[1:])])
        return self.stack(padded).transpose(0, 1).flatten(0, 1)[:total]

    def stack(self, values: Shaped[Tensor, "..."]) -> Shaped[Tensor, "p ..."]:
        """A tensor of the same shape from every process, stacked by rank; differentiable."""
        return _Stack.apply(values.contiguous(), self)  # type: ignore[no-any-return]

    def counts(self, local: int) -> list[int]:
        """The number of rows on every process."""
        return [int(each[0]) for each in self._all((local,))]

    def collect(self, rows: Tensor, counts: list[int]) -> Tensor:
        """The rows of all processes, concatenated by rank; ``counts`` is the number of rows of each."""
        if self.count == 1:
            return rows
        padded = torch.cat([rows, rows.new_zeros(max(counts) - len(rows), *rows.shape[1:])])
        return torch.cat([part[:count] for part, count in zip(self.stack(padded), counts, strict=True)])

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace the gradient of every parameter by its sum over all processes."""
        if self.count == 1:
            return
        gradients: list[Tensor] = []
        for weight in parameters:
            if weight.grad is not None:
                weight.grad = weight.grad.to_dense() if weight.grad.is_sparse else weight.grad
                gradients.append(weight.grad)
        for kind in dict.fromkeys(each.dtype for each in gradients):
            alike = [each for each in gradients if each.dtype == kind]
            flat = torch.cat([each.flatten() for each in alike])
            with _in_company():
                dist.all_reduce(flat)
            for each, part in zip(alike, torch.split(flat, [each.numel() for each in alike]), strict=True):
                each.copy_(part.view_as(each))

    def sum(self, *values: float) -> list[float]:
        """Each value summed over all processes."""
        return [sum(each) for each in zip(*self._all(values), strict=True)]

    def from_first(self, number: float) -> float:
        """The first process's value."""
        return self._all((number,))[0][0]

    def start_alike(self, module: nn.Module) -> None:
        """Broadcast the weights and buffers of the first process."""
        if self.count > 1:
            for tensor in module.state_dict().values():
                with _in_company():
                    dist.broadcast(tensor, 0)

    @contextmanager
    def first_before_others(self) -> Iterator[None]:
        """Run the block in the first process before the others, so that it fills the caches."""
        if not self.first:
            self.from_first(0)
        yield
        if self.first:
            self.from_first(0)

    def _all(self, values: tuple[float, ...]) -> list[list[float]]:
        if self.count == 1:
            return [list(values)]
        mine = torch.tensor(values, dtype=torch.float64)
        every = [torch.empty_like(mine) for _ in range(self.count)]
        with _in_company():
            dist.all_gather(every, mine)
        return [each.tolist() for each in every]


ALONE = Processes()


def here() -> Processes:
    """The processes of the default process group, if there is one; else this one alone."""
    if not (dist.is_available() and dist.is_initialized()):
        return ALONE
    return Processes(dist.get_rank(), dist.get_world_size())


def launched() -> Processes:
    """Rank and world size as torchrun set them, before the process group is initialised."""
    return Processes(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))


@contextmanager
def joined() -> Iterator[Processes]:
    """Initialise the process group of torchrun; a single process where there is none."""
    if launched().count == 1 or dist.is_initialized():
        yield here()
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    yield from _until_all_are_done()


@contextmanager
def joined_by_file(path: str, rank: int, count: int) -> Iterator[Processes]:
    """Initialise a process group on this machine through a file, on CPUs."""
    if count == 1:
        yield ALONE
        return
    dist.init_process_group("gloo", init_method=f"file://{path}", rank=rank, world_size=count, timeout=PATIENCE)
    yield from _until_all_are_done()


def _until_all_are_done() -> Iterator[Processes]:
    """Yield these processes, with a barrier at the end: one that exits early can abort another."""
    processes = here()
    try:
        yield processes
        processes.from_first(0)
    finally:
        dist.destroy_process_group()


def leave(processes: Processes) -> None:
    """Exit this process after a barrier, without destroying the group: gloo's threads may abort in that."""
    processes.from_first(0)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


class _Stack(torch.autograd.Function):
    """All-gather; in the backward pass gradients are summed over processes and each takes its part."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, processes: Processes) -> Tensor:
        ctx.rank = processes.rank
        every = [torch.empty_like(values) for _ in range(processes.count)]
        with _in_company():
            dist.all_gather(every, values)
        return torch.stack(every)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        gradient = gradient.contiguous()
        with _in_company():
            dist.all_reduce(gradient)
        return gradient[ctx.rank], None


@contextmanager
def _in_company() -> Iterator[None]:
    """Turn the failure of another process into one sentence."""
    try:
        yield
    except RuntimeError as wrong:
        raise Interrupted(
            f"Another process of this run has ended ({str(wrong).splitlines()[0][:80]}), so this one stops too."
        ) from wrong
