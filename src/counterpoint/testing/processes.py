"""The contract of training in several processes: it equals training in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from counterpoint.plans import Plan
from counterpoint.testing.broken import require, running
from counterpoint.verbs import check_processes as verb

SMALL = {"width": 8, "head_hidden": 16, "head_outputs": 8}


def check_processes(
    choices: Mapping[str, Any], source: object = None, *, labels: object = None, counts: Sequence[int] = (1, 2)
) -> None:
    """Check that two steps in several processes equal two steps in one.

    1. The losses are the same.
    2. So is every gradient, and no weight is left without one.
    3. So is the memory that the method keeps.

    All of it in float64 and within 1e-8 of the largest value. Processes are started anew, so name custom parts by
    module, and in a script call this below ``if __name__ == "__main__":``.

    Args:
        choices: Fields of ``Plan``, such as ``{"method": "my_module:MyMethod"}``; open ones get small networks.
        source: At least 64 items, or as many as the batch size; rows of random numbers when left out.
        labels: As for ``fit``, where the method learns from them.
        counts: The numbers of processes, the first of which is 1.

    Raises:
        BrokenContract: A point is broken; the message says which, and by how much.
    """
    plan = Plan.of({**SMALL, **choices})
    with running("Two steps on several processes"):
        (deviations,) = verb.check_processes([plan], source, labels=labels, counts=counts)
    for each in deviations:
        for what, by in (("loss", each.loss), ("gradient", each.gradient), ("memory", each.memory)):
            require(
                by < verb.TOLERANCE,  # NaN is no agreement
                f"On {each.processes} processes the {what} of two steps is that of one process. It differs by {by:.3g} "
                f"of the largest value, and {verb.TOLERANCE} would be rounding.",
            )
