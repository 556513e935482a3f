"""Dynamic batching: requests that wait at the same time become one matrix product, or one pass through the network.

A worker is one thread. It takes everything in its queue, up to ``max_batch``, processes it, and then takes what arrived
meanwhile. So a single request is answered at once, and batches grow with the load.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from counterpoint.serving.http_errors import Busy

Q = TypeVar("Q")
A = TypeVar("A")

SHUTDOWN = 2.0
"""Seconds that the current batch has to finish when the server stops."""

Process = Callable[[Sequence[Q]], Sequence[A | Exception]]
"""From the queries of a batch to the result of each, or the exception that concerns it alone."""


@dataclass(frozen=True)
class Job(Generic[Q, A]):
    """A query in the queue, and the future that its request awaits in the event loop."""

    query: Q
    future: asyncio.Future[A]


class BatchWorker(Generic[Q, A]):
    """A thread that processes in batches what waits in its queue, for one event loop.

    Args:
        process: Computes the results of a batch.
        max_batch: Queries per batch.
        max_queue: Queries that may wait; further ones are refused.
        timeout: Seconds that a request waits for its result; no limit if None.
    """

    def __init__(self, process: Process[Q, A], *, max_batch: int, max_queue: int, timeout: float | None) -> None:
        self._process, self._max_batch, self._max_queue, self._timeout = process, max_batch, max_queue, timeout
        self._jobs: queue.SimpleQueue[Job[Q, A] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    async def __call__(self, query: Q) -> A:
        """The result of a query.

        Raises:
            Busy: The queue is full, or there is no result in time.
        """
        if self._jobs.qsize() >= self._max_queue:
            raise Busy(f"{self._max_queue:,} requests are waiting already. Try again in a moment.")
        future: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._jobs.put(Job(query, future))
        try:
            return await asyncio.wait_for(future, self._timeout)
        except TimeoutError:
            raise Busy(f"There was no result within {self._timeout:g} seconds. Try again in a moment.") from None

    def close(self) -> None:
        """Stop the thread after its current batch, which is not waited for long."""
        self._jobs.put(None)
        self._thread.join(SHUTDOWN)

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            jobs = [first]
            while len(jobs) < self._max_batch and not self._jobs.empty():
                job = self._jobs.get()
                if job is None:
                    self._jobs.put(None)  # stops the loop once this batch is done
                    break
                jobs.append(job)
            self._finish([job for job in jobs if not job.future.done()])

    def _finish(self, jobs: Sequence[Job[Q, A]]) -> None:
        if not jobs:
            return
        results: Sequence[A | Exception]
        try:
            results = self._process([job.query for job in jobs])
        except Exception as error:  # every request of the batch receives it, and the thread lives on
            results = [error] * len(jobs)
        resolved = [(job.future, result) for job, result in zip(jobs, results, strict=True) if not job.future.done()]
        if resolved:  # else all requests timed out, and their event loop may be closed
            resolved[0][0].get_loop().call_soon_threadsafe(_resolve, resolved)  # once: every call wakes the loop


def _resolve(resolved: Sequence[tuple[asyncio.Future[A], A | Exception]]) -> None:
    for future, result in resolved:
        if future.done():  # timed out since then
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
