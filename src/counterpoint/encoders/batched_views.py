"""Encode several views in one pass where their shapes allow it: larger products, and one set of batch statistics."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from counterpoint.batch import Batch, concat, shape
from counterpoint.interfaces import Vectors, Views


def together(network: Callable[[Batch], Tensor], views: Views) -> Vectors:
    """The network's output for every view; views of one shape are encoded in one batch.

    >>> import torch
    >>> first, second = together(lambda x: 2 * x, (torch.ones(2, 3), torch.zeros(2, 3)))
    >>> first.shape, float(second.sum())
    (torch.Size([2, 3]), 0.0)
    """
    vectors: dict[int, Tensor] = {}
    shapes = [shape(view) for view in views]
    for each in dict.fromkeys(shapes):
        same = [number for number, other in enumerate(shapes) if other == each]
        encoded = network(concat([views[number] for number in same]))
        vectors.update(zip(same, encoded.chunk(len(same)), strict=True))
    return tuple(vectors[number] for number in range(len(views)))
