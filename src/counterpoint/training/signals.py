"""Ctrl-C, SIGTERM and SIGHUP request a stop, which the loop makes between two steps, so that a run can be resumed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether a stop was requested."""

    def __init__(self) -> None:
        self.requested = False


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Catch Ctrl-C, SIGTERM and SIGHUP, which a closed terminal sends; a second Ctrl-C interrupts at once.

    A second SIGTERM does not: schedulers signal every process of a job, and torchrun forwards it once more.
    Outside the main thread nothing is caught, and neither is SIGHUP under ``nohup``.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    watched = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        watched.append(signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in watched}

    def ask(number: int, frame: FrameType | None) -> None:
        request.requested = True
        if number == signal.SIGINT:
            signal.signal(number, before[signal.SIGINT])

    for number in watched:
        signal.signal(number, ask)
    try:
        yield request
    finally:
        for number in watched:
            signal.signal(number, before[number])
