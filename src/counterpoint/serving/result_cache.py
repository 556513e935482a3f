"""Results that take seconds to compute and do not change: each is computed once, in one thread, and cached."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from counterpoint.serving.batching import BatchWorker
from counterpoint.serving.http_errors import Busy

CACHED, MAX_QUEUE = 16, 8
"""Results that are kept, and computations that may wait."""


class ResultCache:
    """Computes each result once. A request that waits longer than ``timeout`` seconds is asked to try again."""

    def __init__(self, *, timeout: float) -> None:
        self._timeout = timeout
        self._worker: BatchWorker[Callable[[], Any], Any] = BatchWorker(
            _compute, max_batch=1, max_queue=MAX_QUEUE, timeout=None
        )
        self._tasks: OrderedDict[Hashable, asyncio.Task[Any]] = OrderedDict()

    async def __call__(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """The result with this key.

        Raises:
            Busy: It is still being computed, or too many computations wait.
        """
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.ensure_future(self._worker(compute))
            self._evict()
        try:
            return await asyncio.wait_for(asyncio.shield(task), self._timeout)
        except TimeoutError:
            raise Busy("This is still being computed. Try again in a moment.") from None
        except Exception:
            self._tasks.pop(key, None)
            raise

    def close(self) -> None:
        """Stop the thread."""
        self._worker.close()

    def _evict(self) -> None:
        """Drop the oldest finished results above the limit."""
        done = [key for key, task in self._tasks.items() if task.done()]
        for key in done[: max(0, len(self._tasks) - CACHED)]:
            del self._tasks[key]


def _compute(functions: Sequence[Callable[[], Any]]) -> list[Any]:
    return [function() for function in functions]
