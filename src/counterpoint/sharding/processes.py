"""Shards in several processes on this machine: each goes to a free worker, and a worker that dies is replaced.

Workers are spawned, load the model once, and share the CPU's threads. They end when their pipe is closed or this
process is gone, so none is left behind.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import torch

from counterpoint.data.shards import Shard
from counterpoint.errors import RunError
from counterpoint.sharding.parts import Order, Outcome, Tell

KILLED = "its process was ended from outside, perhaps for want of memory: make shards smaller or take fewer workers"


@dataclass
class Worker:
    """A process, the pipe to it, and its current shard; None while it loads the model."""

    process: BaseProcess
    line: Connection
    shard: Shard | None = None


def in_processes(shards: Sequence[Shard], order: Order, *, workers: int, tell: Tell) -> None:
    """Embed shards in this many processes.

    Raises:
        RunError: A process ended before it had loaded the model, so others would too.
    """
    waiting = deque(shards)
    threads = max(1, torch.get_num_threads() // workers)
    crew: list[Worker] = []
    try:
        while crew or waiting:
            while len(crew) < workers and len(waiting) > sum(worker.shard is None for worker in crew):
                crew.append(_hired(order, threads))
            for worker in _speaking(crew):
                outcome, alive = _heard(worker)
                if outcome is not None:
                    tell(outcome)
                if alive and waiting:
                    _hand(worker, waiting.popleft())
                else:
                    crew.remove(worker)
                    _dismiss(worker)
    finally:
        for worker in crew:
            worker.process.terminate()
            _dismiss(worker)


def _hired(order: Order, threads: int) -> Worker:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_work, args=(there, order, threads), name="counterpoint-shards", daemon=True)
    process.start()
    there.close()  # the other process has its own copy; this end is notified only when both are closed
    return Worker(process, here)


def _speaking(crew: Sequence[Worker]) -> list[Worker]:
    """Workers that have sent something or have ended; waits for the first."""
    heard = wait([worker.line for worker in crew])
    return [worker for worker in crew if worker.line in heard]


def _heard(worker: Worker) -> tuple[Outcome | None, bool]:
    """The outcome of the worker's shard, if it had one, and whether the worker is still alive."""
    try:
        return worker.line.recv(), True
    except (EOFError, OSError):
        if worker.shard is None:
            raise RunError(
                "A worker ended before it had loaded the model; what it said stands above. In a script, call "
                "embed_shards under: if __name__ == '__main__':"
            ) from None
        return Outcome(worker.shard.name, reason=KILLED), False


def _hand(worker: Worker, shard: Shard) -> None:
    worker.shard = shard
    with suppress(OSError):  # a worker that has just died is noticed next
        worker.line.send(shard)


def _dismiss(worker: Worker) -> None:
    """Close a worker's pipe, which ends it."""
    worker.line.close()
    worker.process.join()


def _work(line: Connection, order: Order, threads: int) -> None:
    """The loop of a worker: report that it is ready, then answer every shard with its outcome."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one ends the others
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    embedder = order.embedder()
    answer: Outcome | None = None
    with suppress(EOFError, OSError):  # the pipe is closed when there is nothing more to do
        while True:
            line.send(answer)
            answer = embedder(line.recv())


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
