r"""Gradient caching: compare more items than can be encoded at once.

    v = project(views) piece by piece, without gradient;  dv = d loss(v) / dv;  dw = sum_pieces dv project'(piece)

Gao et al. 2021, arXiv:2101.06983 (GradCache). Every piece is encoded twice, the second time with gradients and the same
random numbers, so dropout is the same in both and the gradient is that of the computed loss.
Batch normalisation sees one piece at a time, as it would in batches of that size (ghost batches, Hoffer et al. 2017,
arXiv:1705.08741), and its running statistics are updated once per piece; networks without it get exactly the gradient
of the full batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from counterpoint.batch import split
from counterpoint.interfaces import Vectors, Views

Project = Callable[[int, Views], Vectors]
"""Encodes a piece given its index, which determines its random numbers."""


def pieces_of(views: Views, count: int) -> list[Views]:
    """The views of a batch in this many pieces of nearly equal size."""
    return list(zip(*(split(view, count) for view in views), strict=True))


def project_in_pieces(project: Project, pieces: Sequence[Views]) -> Vectors:
    """The vectors of all pieces, detached from the networks; their gradients are collected."""
    with torch.no_grad():
        made = [project(number, piece) for number, piece in enumerate(pieces)]
    return tuple(torch.cat(part).requires_grad_() for part in zip(*made, strict=True))


def backward_in_pieces(project: Project, pieces: Sequence[Views], vectors: Vectors, networks: nn.Module) -> None:
    """Backpropagate the gradients of the vectors into the networks."""
    slopes = [
        vector.grad.tensor_split(len(pieces)) if vector.grad is not None else [None] * len(pieces) for vector in vectors
    ]
    with _settled_statistics(networks):
        for number, piece in enumerate(pieces):
            again = zip(project(number, piece), (slope[number] for slope in slopes), strict=True)
            reached = [(v, slope) for v, slope in again if v.requires_grad and slope is not None]
            torch.autograd.backward([v for v, _ in reached], [slope for _, slope in reached])


@contextmanager
def _settled_statistics(networks: nn.Module) -> Iterator[None]:
    """Keep running statistics unchanged: they have seen these items already."""
    tracking = [each for each in networks.modules() if isinstance(each, _BatchNorm) and each.track_running_stats]
    for each in tracking:
        each.track_running_stats = False
    try:
        yield
    finally:
        for each in tracking:
            each.track_running_stats = True
