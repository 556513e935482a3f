"""The number of threads of a step: all or one, whichever is faster under the machine's current load.

Threads synchronise in every operation. Beside a busy process, two were up to four times slower than alone, where one
thread was only twice as slow. So both are timed on real steps before a run, and again every half minute. Sums over
several threads are rounded in another order: results agree to rounding, not bit for bit, so a run measured in epochs,
which has to be reproducible, keeps the number that it began with.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

EVERY = 30.0
"""Seconds of training between two comparisons."""

TRIED = 3
"""Steps by which both are compared, the fastest of each: other processes only slow steps down."""

FASTER = 0.9
"""The other number of threads is chosen if a step takes at most this share of the time."""


@contextlib.contextmanager
def computing_with(count: int) -> Iterator[None]:
    """This number of threads within the block; the earlier number is restored."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Threads:
    """Chooses between all threads and one during a run, from the time of every step."""

    def __init__(self, most: int, first: int) -> None:
        self.most, self.current = most, first
        self._since = 0.0
        self._local: list[float] = []
        self._other: list[float] = []

    def next_step(self) -> int:
        """The number of threads for the next step."""
        return self._another() if self._since >= EVERY else self.current

    def took(self, seconds: float) -> None:
        """Report the time of the step that ``next_step`` was called for."""
        if self._since < EVERY:
            self._since += seconds
            self._local = [*self._local, seconds][-TRIED:]
            return
        self._other.append(seconds)
        if len(self._other) == TRIED:
            if min(self._other) < FASTER * min(self._local):
                self.current = self._another()
            self._since, self._local, self._other = 0.0, [], []

    def _another(self) -> int:
        return self.most if self.current == 1 else 1
