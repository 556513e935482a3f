"""Encode texts of similar length together: less padding is computed, and kept for the gradient."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

ROWS, GROUPS = 32, 8
"""The fewest texts in a group, and the most groups."""


def by_length(network: Callable[[Tensor], Tensor], tokens: Int64[Tensor, "b l"], *, pad: int) -> Float[Tensor, "b h"]:
    """The network's output for every text, in groups of similar length, each cut to the longest text in it.

    For a network that ignores padding the result is that of the full batch, up to rounding.

    >>> seen = []
    >>> texts = torch.tensor([[7, 0, 0], [7, 8, 9]]).repeat(32, 1)
    >>> def network(group):
    ...     seen.append(tuple(group.shape))
    ...     return group.float().sum(dim=1, keepdim=True)
    >>> h = by_length(network, texts, pad=0)
    >>> seen, h[:3, 0].tolist()
    ([(32, 1), (32, 3)], [7.0, 24.0, 7.0])
    """
    if written_down():
        return network(tokens)
    places = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
    length, order = ((tokens != pad) * places).amax(dim=1).clamp(min=1).sort(stable=True)
    size = max(ROWS, -(-len(order) // GROUPS))
    ends = length[[min(start + size, len(order)) - 1 for start in range(0, len(order), size)]].tolist()
    if ends[0] == ends[-1]:
        return network(tokens[:, : ends[0]])
    groups = zip(torch.split(order, size), ends, strict=True)
    return torch.cat([network(tokens[rows, :end]) for rows, end in groups])[order.argsort()]


def written_down() -> bool:
    """Whether a graph is being traced: it has to hold for all sizes, and cannot depend on the current ones."""
    return torch.compiler.is_compiling() or bool(torch.jit.is_tracing())  # type: ignore[attr-defined, no-untyped-call]
