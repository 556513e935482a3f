r"""Which parts of an item are kept: every part with probability 1/2, whatever becomes of the others.

Masks come in pairs, one what the other is not (antithetic variates, Hammersley & Morton 1956, "A new Monte Carlo
technique"): what two or four parts do together cancels in their difference.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool
from torch import Tensor

from counterpoint import rng


def antithetic(parts: int, count: int, *, seed: int, stream: int) -> Bool[Tensor, "{count} {parts}"]:
    """Random masks; the second half are the opposites of the first. Of another stream they are others.

    >>> masks = antithetic(5, 8, seed=0, stream=0)
    >>> bool((masks[:4] == ~masks[4:]).all())
    True
    """
    half = independent(parts, count // 2, seed=seed, stream=stream)
    return torch.cat([half, ~half])


def independent(parts: int, count: int, *, seed: int, stream: int) -> Bool[Tensor, "{count} {parts}"]:
    """Random masks, each for itself."""
    return rng.uniform(keys(count, seed=seed, stream=stream), parts, "parts") < 0.5


def keys(count: int, *, seed: int, stream: int) -> Tensor:
    """A key for each of so many masks."""
    return rng.keys(seed=seed, epoch=0, items=torch.arange(count), view=stream)


def every(parts: int) -> Bool[Tensor, "m {parts}"]:
    """All masks there are; the second half are the opposites of the first.

    >>> every(2).tolist()
    [[True, True], [True, False], [False, False], [False, True]]
    """
    number = torch.arange(2 ** (parts - 1))
    half = torch.cat([torch.ones(len(number), 1), ~number[:, None] >> torch.arange(parts - 1) & 1], dim=1).bool()
    return torch.cat([half, ~half])
