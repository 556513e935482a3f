r"""Cut series into pieces of time, channel by channel, and silence some of them, as the mask of ``waves`` does.

x(S) = x in the pieces of S, 0 in all others, the mean of standardised values
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from counterpoint.interfaces import Parts

MOST, PIECES = 64, 16
"""Parts of a series, and pieces of time, at most; of many channels several together are a part."""


def pieces(channels: Sequence[str], steps: int) -> Parts:
    """The pieces of a series of these channels and so many steps, channel by channel.

    >>> pieces(["speed", "heat"], 32).names[17], pieces(["speed", "heat"], 32).places[17]
    ('heat, steps 2 to 3', (1, 2, 4))
    """
    together, edges = _cut(len(channels), steps)
    named = [
        channels[first]
        if together == 1
        else f"{channels[first]} to {channels[min(first + together, len(channels)) - 1]}"
        for first in range(0, len(channels), together)
    ]
    at = [(row, start, end) for row in range(len(named)) for start, end in itertools.pairwise(edges)]
    return Parts(
        [f"{named[row]}, steps {start} to {end - 1}" for row, start, end in at],
        [(row * together, start, end) for row, start, end in at],
    )


def with_pieces(series: Float[Tensor, "1 c t"], kept: Bool[Tensor, "m n"]) -> Float[Tensor, "m c t"]:
    """The series once for each row of ``kept``, the other pieces silent.

    >>> with_pieces(torch.ones(1, 1, 3), torch.tensor([[True, False, True]])).tolist()
    [[[1.0, 0.0, 1.0]]]
    """
    channels, steps = series.shape[1:]
    together, edges = _cut(channels, steps)
    piece = torch.repeat_interleave(torch.tensor(edges).diff())
    row = torch.arange(channels) // together
    part = (row[:, None] * (len(edges) - 1) + piece).to(series.device)
    return torch.where(kept[:, part], series, 0.0)


def _cut(channels: int, steps: int) -> tuple[int, list[int]]:
    """How many channels are one part together, and the steps at which pieces of time begin and end."""
    together = math.ceil(channels / MOST)
    count = max(1, min(PIECES, MOST // math.ceil(channels / together), steps))
    return together, [round(place * steps / count) for place in range(count + 1)]
