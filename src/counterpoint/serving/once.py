"""What takes long and comes out the same each time: computed once, in one thread, while requests come back for it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from counterpoint.serving.batching import Lane
from counterpoint.serving.refusals import Busy

KEPT, WAITING = 16, 8
"""Results that are kept, and computations that may wait."""


class Once:
    """Computes each result once and keeps it; who waits longer than ``seconds`` is sent away to come again."""

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self._lane: Lane[Callable[[], Any], Any] = Lane(_computed, most=1, waiting=WAITING, seconds=None)
        self._tasks: OrderedDict[Hashable, asyncio.Task[Any]] = OrderedDict()

    async def __call__(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """The result of this name.

        Raises:
            Busy: It is still being computed, or too much is.
        """
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.ensure_future(self._lane(compute))
            self._forget()
        try:
            return await asyncio.wait_for(asyncio.shield(task), self._seconds)
        except TimeoutError:
            raise Busy("This is still being computed. Come again in a moment.") from None
        except Exception:
            self._tasks.pop(key, None)
            raise

    def close(self) -> None:
        """End the thread."""
        self._lane.close()

    def _forget(self) -> None:
        """Drop the oldest results that are done, where there are too many."""
        done = [key for key, task in self._tasks.items() if task.done()]
        for key in done[: max(0, len(self._tasks) - KEPT)]:
            del self._tasks[key]


def _computed(functions: Sequence[Callable[[], Any]]) -> list[Any]:
    return [function() for function in functions]
