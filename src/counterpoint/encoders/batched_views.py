"""Encode several views in one pass where their shapes allow it: larger products, and one set of batch statistics."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from counterpoint.interfaces import Vectors, Views


def together(network: Callable[[Tensor], Tensor], views: Views) -> Vectors:
    """The network's output for every view; views of one shape are encoded in one batch.

    >>> first, second = together(lambda x: 2 * x, (torch.ones(2, 3), torch.zeros(2, 3)))
    >>> first.shape, float(second.sum())
    (torch.Size([2, 3]), 0.0)
    """
    vectors: dict[int, Tensor] = {}
    for shape in dict.fromkeys(view.shape for view in views):
        same = [number for number, view in enumerate(views) if view.shape == shape]
        encoded = network(torch.cat([views[number] for number in same]))
        vectors.update(zip(same, encoded.chunk(len(same)), strict=True))
    return tuple(vectors[number] for number in range(len(views)))
