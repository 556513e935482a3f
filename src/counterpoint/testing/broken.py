"""The exception for a broken contract, and helpers to raise it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class BrokenContract(AssertionError):
    """A part does not fulfil the contract of its kind."""


def require(kept: bool, broken: str) -> None:
    """Raise ``BrokenContract`` with this sentence unless the point holds."""
    if not kept:
        raise BrokenContract(broken)


@contextmanager
def running(what: str) -> Iterator[None]:
    """Turn whatever a custom part raises into a broken contract; ``what`` begins the sentence."""
    try:
        yield
    except BrokenContract:
        raise
    except Exception as wrong:  # custom parts may raise anything
        reason = (str(wrong).splitlines() or [""])[0]
        raise BrokenContract(f"{what} raises {type(wrong).__name__}: {reason}") from wrong


def require_equal(one: Tensor, other: Tensor, broken: str, *, tolerance: float = 0.0) -> None:
    """Require equal values, up to ``tolerance`` times the largest; ``broken`` begins the sentence."""
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
    """Whether all values are finite."""
    return bool(values.isfinite().all())
