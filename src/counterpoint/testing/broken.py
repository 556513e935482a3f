"""How a broken contract is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class BrokenContract(AssertionError):
    """A part does not keep what parts of its kind promise."""


def require(kept: bool, broken: str) -> None:
    """Raise ``BrokenContract`` with this sentence unless the point is kept."""
    if not kept:
        raise BrokenContract(broken)


@contextmanager
def running(what: str) -> Iterator[None]:
    """Turn whatever a part from outside raises into a broken contract; ``what`` begins the sentence."""
    try:
        yield
    except BrokenContract:
        raise
    except Exception as wrong:  # whoever wrote the part may raise anything
        reason = (str(wrong).splitlines() or [""])[0]
        raise BrokenContract(f"{what} raises {type(wrong).__name__}: {reason}") from wrong


def require_equal(one: Tensor, other: Tensor, broken: str, *, tolerance: float = 0.0) -> None:
    """Both hold the same numbers, but for ``tolerance`` times the largest of them; ``broken`` begins the sentence."""
    require(one.shape == other.shape, f"{broken}: shapes {tuple(one.shape)} and {tuple(other.shape)}.")
    if one.numel() == 0 or torch.equal(one, other):
        return
    one, other = one.detach().double(), other.detach().double()
    finite = one.isfinite() & other.isfinite()
    require(bool((finite | (one == other)).all()), f"{broken}: where one is not finite, the other is.")
    one, other = one[finite], other[finite]
    apart, largest = float((one - other).abs().max()), float(one.abs().max())
    allowed = tolerance * max(1.0, largest)
    require(apart <= allowed, f"{broken}: they differ by {apart:.3g} where at most {allowed:.3g} is rounding.")


def finite(values: Tensor) -> bool:
    """Whether all of them are numbers."""
    return bool(values.isfinite().all())
