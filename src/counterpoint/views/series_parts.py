r"""Cut series into segments, channel by channel, and set masked ones to the channel's mean, as ``waves`` does.

x(S) = x in the segments of S, 0 in all others, which is the mean of standardised values; what is missing stays so
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from counterpoint.interfaces import Parts
from counterpoint.views.series_steps import lengths

MOST, SEGMENTS = 64, 16
"""The most parts of a series, and of a channel; where there are many channels, several form one part."""


def segments(channels: Sequence[str], steps: int) -> Parts:
    """The segments of a series of ``steps`` steps, channel by channel.

    >>> segments(["speed", "heat"], 32).names[17], segments(["speed", "heat"], 32).places[17]
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


def with_segments(series: Float[Tensor, "1 c t"], kept: Bool[Tensor, "m n"]) -> Float[Tensor, "m c t"]:
    """The series once for each mask, True where a segment is kept.

    >>> with_segments(torch.ones(1, 1, 3), torch.tensor([[True, False, True]])).tolist()
    [[[1.0, 0.0, 1.0]]]
    """
    channels, steps = series.shape[1], int(lengths(series))
    together, edges = _cut(channels, steps)
    segment = torch.repeat_interleave(torch.tensor(edges).diff())
    row = torch.arange(channels) // together
    part = (row[:, None] * (len(edges) - 1) + segment).to(series.device)
    measured, padding = series[:, :, :steps], series[:, :, steps:].expand(len(kept), -1, -1)
    return torch.cat([torch.where(kept[:, part] | measured.isnan(), measured, 0.0), padding], dim=2)


def _cut(channels: int, steps: int) -> tuple[int, list[int]]:
    """The number of channels in one part, and the steps at which segments begin and end."""
    together = math.ceil(channels / MOST)
    count = max(1, min(SEGMENTS, MOST // math.ceil(channels / together), steps))
    return together, [round(place * steps / count) for place in range(count + 1)]
