r"""Random masks over the parts of an item: every part is kept with probability 1/2, independently of the others.

Masks come in pairs of complements (antithetic variates, Hammersley & Morton 1956, "A new Monte Carlo technique"):
interactions of an even number of parts cancel in the difference of the two.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from counterpoint import rng


def antithetic(parts: int, count: int, *, seed: int, stream: int) -> Bool[Tensor, "{count} {parts}"]:
    """Random masks, True where a part is kept; the second half are the complements of the first.

    >>> masks = antithetic(5, 8, seed=0, stream=0)
    >>> bool((masks[:4] == ~masks[4:]).all())
    True
    """
    half = independent(parts, count // 2, seed=seed, stream=stream)
    return torch.cat([half, ~half])


def independent(parts: int, count: int, *, seed: int, stream: int) -> Bool[Tensor, "{count} {parts}"]:
    """Random masks, independent of one another."""
    return rng.uniform(keys(count, seed=seed, stream=stream), parts, "parts") < 0.5


def keys(count: int, *, seed: int, stream: int) -> Int64[Tensor, " {count}"]:
    """One key for each of ``count`` masks; masks of different streams are independent."""
    return rng.keys(seed=seed, epoch=0, items=torch.arange(count), view=stream)


def every(parts: int) -> Bool[Tensor, "m {parts}"]:
    """All masks; the second half are the complements of the first.

    >>> every(2).tolist()
    [[True, True], [True, False], [False, False], [False, True]]
    """
    number = torch.arange(2 ** (parts - 1))
    half = torch.cat([torch.ones(len(number), 1), ~number[:, None] >> torch.arange(parts - 1) & 1], dim=1).bool()
    return torch.cat([half, ~half])
