"""The learning-rate schedule: how the peak grows with the batch, and how the rate falls after the warm-up.

    peak       = learning_rate * scaling(batch / 256)
    rate(step) = peak * rise(step) * schedule(progress),     progress from 0 after the warm-up to 1

Scaling, of batch / 256: its square root, Chen et al. 2020, arXiv:2002.05709, appendix B.1; linear, Goyal et al. 2017,
arXiv:1706.02677, section 2.1; none.  Schedules: half a cosine, Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5;
linear; steps, as in He et al. 2015, arXiv:1512.03385; constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from counterpoint.plans import within

Scaling = Callable[[float], float]
Schedule = Callable[[float], float]


def square_root(times: float) -> float:
    """A batch four times as large gets twice the rate."""
    return math.sqrt(times)


def in_proportion(times: float) -> float:
    """A batch four times as large gets four times the rate."""
    return times


def unscaled(times: float) -> float:
    """Every batch gets the same rate."""
    return 1.0


def cosine(progress: float, *, end: float = 0.0) -> float:
    """Half a cosine, from 1 down to ``end``.

    >>> [round(cosine(progress), 3) for progress in (0, 0.5, 1)], cosine(1, end=0.001)
    ([1.0, 0.5, 0.0], 0.001)
    """
    within("end", end, 0, 1)
    return end + (1 - end) * 0.5 * (1 + math.cos(math.pi * progress))


def linear(progress: float, *, end: float = 0.0) -> float:
    """A straight line, from 1 down to ``end``."""
    within("end", end, 0, 1)
    return 1 - (1 - end) * progress


def constant(progress: float) -> float:
    """1 to the end."""
    return 1.0


def steps(progress: float, *, at: tuple[float, ...] = (0.6, 0.8), by: float = 0.1) -> float:
    """Times ``by`` at each of these shares of the run.

    >>> [round(steps(progress), 3) for progress in (0, 0.6, 0.9)]
    [1.0, 0.1, 0.01]
    """
    within("by", by, 0, 1)
    return float(by ** sum(progress >= share for share in at))
