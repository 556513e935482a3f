"""An opened source for checks, and the comparison of batches."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from counterpoint.batch import Batch, length, tensors
from counterpoint.interfaces import Items, Keys
from counterpoint.modality import Modality
from counterpoint.testing.broken import BrokenContract, require, running

CLOSE = 1e-4
"""The tolerance, relative to the largest value, for results computed in another batch."""


class OpenDataset(NamedTuple):
    """A fitted modality, its items, some of them as a batch, and an encoder for them."""

    modality: Modality
    items: Items
    batch: Batch
    encoder: nn.Module

    @property
    def size(self) -> int:
        """The number of items in the batch, which are the first ones."""
        return length(self.batch)

    def keys(self, index: Tensor | None = None, *, seed: int = 0, epoch: int = 0, view: int = 0) -> Keys:
        """The keys of the items of the batch, or of some of them."""
        item = torch.arange(self.size) if index is None else index
        return Keys(seed=seed, epoch=epoch, step=0, view=view, item=item)

    def apart(self, one: Batch, other: Batch) -> float:
        """The difference between two batches of the same items, relative to the largest value.

        Where one is padded further than the other, their encodings are compared.
        """
        first, second = tensors(one), tensors(other)
        if [each.shape for each in first] != [each.shape for each in second]:
            first, second = [encoded(self.encoder, one)], [encoded(self.encoder, other)]
        return max((_apart(a, b) for a, b in zip(first, second, strict=True)), default=0.0)

    def require_same(self, one: Batch, other: Batch, promise: str, *, tolerance: float = 0.0) -> None:
        """Raise ``BrokenContract``, beginning with ``promise``, where two batches differ by more."""
        with running(f"{promise}, but comparing the two"):
            apart = self.apart(one, other)
        require(apart <= tolerance, f"{promise}. Here the two differ by {apart:.3g} of the largest number.")


def _apart(one: Tensor, other: Tensor) -> float:
    if torch.equal(one, other):
        return 0.0
    a, b = one.double(), other.double()
    return float((a - b).abs().max() / a.abs().max().clamp(min=1e-12))


def encoded(encoder: nn.Module, view: Batch) -> Tensor:
    """The representation of every item in evaluation mode, without gradient: a tensor (b, d) of finite values.

    Raises:
        BrokenContract: It is anything else.
    """
    with torch.no_grad(), running("An encoder of the modality"):
        h: Any = encoder.eval()(view)
    return rows_of_numbers(h, length(view), "An encoder of the modality")


def rows_of_numbers(h: Any, count: int, who: str) -> Tensor:
    """Require that ``h`` is a tensor (b, d) of finite values with one row for each of ``count`` items."""
    if not (isinstance(h, Tensor) and h.ndim == 2 and len(h) == count):
        got = tuple(h.shape) if isinstance(h, Tensor) else type(h).__name__
        raise BrokenContract(f"{who} gives one vector per item, a tensor ({count}, d). Got {got}.")
    require(h.is_floating_point() and bool(h.isfinite().all()), f"{who} gives finite numbers. Got {h.dtype} with NaN.")
    return h


def first_items(items: Items, most: int) -> Batch:
    """The first items of a source, at most ``most``."""
    with running("take of the items"):
        return items.take(np.arange(min(most, len(items))))
