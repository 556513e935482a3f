"""What waits together is done together: many requests become one product, or one pass through the network.

A lane is one thread. It takes all that waits, up to ``most``, does it, and takes what came meanwhile. So a request that
comes alone is answered at once, and the busier the server, the larger the batches.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from counterpoint.serving.refusals import Busy

Q = TypeVar("Q")
A = TypeVar("A")

CLOSING = 2.0
"""Seconds that what is being done has to come to an end, when the server stops."""

Work = Callable[[Sequence[Q]], Sequence[A | Exception]]
"""From queries to an answer to each, or what went wrong with it alone."""


@dataclass(frozen=True)
class Job(Generic[Q, A]):
    """A query that waits, and the future that its request awaits in the loop of the server."""

    query: Q
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[A]


class Lane(Generic[Q, A]):
    """A thread that answers together what waits together.

    Args:
        work: What answers several queries at once.
        most: How many of them at a time.
        waiting: How many may wait; one more is refused.
        seconds: How long a request waits for its answer; as long as it takes without a number.
    """

    def __init__(self, work: Work[Q, A], *, most: int, waiting: int, seconds: float | None) -> None:
        self._work, self._most, self._waiting, self._seconds = work, most, waiting, seconds
        self._jobs: queue.SimpleQueue[Job[Q, A] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._answer_all, daemon=True)
        self._thread.start()

    async def __call__(self, query: Q) -> A:
        """The answer to a query.

        Raises:
            Busy: Too many wait already, or the answer takes too long.
        """
        if self._jobs.qsize() >= self._waiting:
            raise Busy(f"{self._waiting:,} requests are waiting already. Try again in a moment.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[A] = loop.create_future()
        self._jobs.put(Job(query, loop, future))
        try:
            return await asyncio.wait_for(future, self._seconds)
        except TimeoutError:
            raise Busy(f"There was no answer within {self._seconds:g} seconds. Try again in a moment.") from None

    def close(self) -> None:
        """End the thread after what it is doing, which is not waited for long."""
        self._jobs.put(None)
        self._thread.join(CLOSING)

    def _answer_all(self) -> None:
        while (first := self._jobs.get()) is not None:
            jobs = [first]
            while len(jobs) < self._most and not self._jobs.empty():
                more = self._jobs.get()
                if more is None:
                    self._jobs.put(None)  # what was taken before is still answered
                    break
                jobs.append(more)
            self._answer([job for job in jobs if not job.future.cancelled()])

    def _answer(self, jobs: Sequence[Job[Q, A]]) -> None:
        if not jobs:
            return
        try:
            answers = self._work([job.query for job in jobs])
        except Exception as wrong:  # each request is told, and the lane goes on
            answers = [wrong] * len(jobs)
        for job, answer in zip(jobs, answers, strict=True):
            job.loop.call_soon_threadsafe(_settle, job.future, answer)


def _settle(future: asyncio.Future[A], answer: A | Exception) -> None:
    if future.done():  # the request was given up meanwhile
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
