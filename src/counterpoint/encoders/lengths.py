"""Encode texts of like length together: less is computed, and kept for the gradient, of what only fills up."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

ROWS, GROUPS = 32, 8
"""Texts that go together at least, and how many groups there are at most."""


def by_length(network: Callable[[Tensor], Tensor], tokens: Int64[Tensor, "b l"], *, pad: int) -> Float[Tensor, "b h"]:
    """The network's output for every text, in groups of like length, each cut after the longest text in it.

    A network that does not look at what fills up says the same of the whole batch, but for rounding.

    >>> seen = []
    >>> texts = torch.tensor([[7, 0, 0], [7, 8, 9]]).repeat(20, 1)
    >>> h = by_length(lambda group: (seen.append(tuple(group.shape)), group.sum(dim=1, keepdim=True))[1], texts, pad=0)
    >>> seen, h[:3, 0].tolist()
    ([(32, 3), (8, 3)], [7, 24, 7])
    """
    if torch.compiler.is_compiling():  # a graph that is written down is one for all lengths
        return network(tokens)
    places = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
    length = ((tokens != pad) * places).amax(dim=1).clamp(min=1)
    order = length.argsort(stable=True)
    groups = torch.split(order, max(ROWS, -(-len(order) // GROUPS)))
    return torch.cat([network(tokens[rows, : int(length[rows].max())]) for rows in groups])[order.argsort()]
