"""Loss and gradient of a comparison, a tile at a time: exact for every objective, never a whole n x m table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from counterpoint.comparison import Comparison, Tile

ENTRIES = 1 << 22
"""Similarities in one tile: 16 MiB in 32 bits, and a few times that with its gradient."""


def height_for(comparison: Comparison) -> int:
    """How many anchors fit in one tile."""
    return max(1, ENTRIES // max(1, len(comparison.candidates)))


def backward(
    comparison: Comparison, objective: Callable[[Tile], Float[Tensor, " b"]], *, height: int | None = None
) -> Float[Tensor, ""]:
    """The mean loss over all anchors; gradients are added to everything the comparison was made from.

    Each tile is back-propagated to the vectors on its own; then the sum goes on to whatever made the vectors.
    Parameters of the objective (a learned temperature) receive theirs from every tile.
    """
    anchors = _leaf(comparison.anchors)
    among_themselves = comparison.candidates is comparison.anchors
    candidates = anchors if among_themselves else _leaf(comparison.candidates)
    table = replace(comparison, anchors=anchors, candidates=candidates)
    total = anchors.new_zeros(())
    for tile in table.tiles(height or height_for(comparison)):
        loss = objective(tile).sum() / len(anchors)
        if loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]
        total = total + loss.detach()
    made = [(comparison.anchors, anchors.grad)]
    if not among_themselves:
        made.append((comparison.candidates, candidates.grad))
    reached = [pair for pair in made if pair[0].requires_grad and pair[1] is not None]
    if reached:
        vectors, gradients = zip(*reached, strict=True)
        torch.autograd.backward(vectors, [g.to(v.dtype) for v, g in zip(vectors, gradients, strict=True)])
    return total


def _leaf(vectors: Tensor) -> Tensor:
    """A copy of the vectors at which gradients stop, in at least 32 bits."""
    wide = torch.promote_types(vectors.dtype, torch.float32)
    return vectors.detach().to(wide).requires_grad_(vectors.requires_grad)
