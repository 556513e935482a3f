"""Series (b, c, t) of unequal length: NaN where a value is missing, and behind the end of a shorter series.

A series ends with its last step of which a channel is present.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def lengths(series: Float[Tensor, "b c t"]) -> Int64[Tensor, " b"]:
    """The number of steps of every series; 1 where nothing is present.

    >>> lengths(torch.tensor([[[1.0, torch.nan, 2.0, torch.nan]], [[torch.nan] * 4]])).tolist()
    [3, 1]
    """
    step = torch.arange(1, series.shape[2] + 1, device=series.device)
    return torch.where(series.isnan().all(dim=1), 1, step).amax(dim=1)


def between(series: Float[Tensor, "b c t"], place: Float[Tensor, "b s"]) -> Float[Tensor, "b c s"]:
    """The values at fractional steps, linear between two; where one of these is missing, the nearer decides.

    >>> between(torch.tensor([[[0.0, 2.0, torch.nan]]]), torch.tensor([[0.5, 1.0, 1.25, 1.75]])).tolist()
    [[[1.0, 2.0, 2.0, nan]]]
    """
    last = series.shape[2] - 1
    left = place.floor().clamp(0, last)
    share = (place - left)[:, None].to(series.dtype)
    at = left.long()[:, None].expand(-1, series.shape[1], -1)
    before, after = series.gather(2, at), series.gather(2, (at + 1).clamp(max=last))
    value = torch.lerp(before, after, share)
    return torch.where(value.isnan(), torch.where(share < 0.5, before, after), value)


def resampled(
    series: Float[Tensor, "b c t"],
    steps: Int64[Tensor, " b"],
    *,
    width: int,
    start: Float[Tensor, "b 1"] | float = 0.0,
    span: Float[Tensor, "b 1"] | None = None,
) -> Float[Tensor, "b c w"]:
    """Every series at ``steps`` equidistant places of a window, all of it by default; NaN behind them, to ``width``.

    >>> resampled(torch.tensor([[[0.0, 2.0, 4.0, torch.nan]]]), torch.tensor([5]), width=6).tolist()
    [[[0.0, 1.0, 2.0, 3.0, 4.0, nan]]]
    """
    span = (lengths(series) - 1)[:, None].float() if span is None else span
    step = torch.arange(width, device=series.device)
    line = (step / (steps[:, None] - 1).clamp(min=1)).clamp(max=1.0)
    return between(series, start + span * line).masked_fill((step >= steps[:, None])[:, None], torch.nan)


def filled(series: Float[Tensor, "b c t"]) -> Float[Tensor, "b c t"]:
    """Missing values of every channel linear between its present ones, and as the nearest before and behind them.

    A channel without any becomes 0, the mean of standardised values.

    >>> filled(torch.tensor([[[torch.nan, 1.0, torch.nan, torch.nan, 4.0, torch.nan]]])).tolist()
    [[[1.0, 1.0, 2.0, 3.0, 4.0, 4.0]]]
    """
    step, missing = torch.arange(series.shape[2], device=series.device), series.isnan()
    before = torch.where(missing, -1, step).cummax(dim=2).values
    after = torch.where(missing, len(step), step).flip(2).cummin(dim=2).values.flip(2)
    low = torch.where(before < 0, after, before).clamp(max=len(step) - 1)
    high = torch.where(after == len(step), low, after)
    share = (step - low) / (high - low).clamp(min=1)
    line = torch.lerp(series.gather(2, low), series.gather(2, high), share.to(series.dtype))
    return torch.where(missing, torch.where(missing.all(dim=2, keepdim=True), 0.0, line), series)


def at_length(series: Float[Tensor, "b c t"], steps: int) -> Float[Tensor, "b c s"]:
    """Every series without missing values, and resampled to the same number of steps.

    >>> at_length(torch.tensor([[[0.0, torch.nan, 4.0, torch.nan]]]), 5).tolist()
    [[[0.0, 1.0, 2.0, 3.0, 4.0]]]
    """
    whole, count = filled(series), lengths(series)
    even = torch.full_like(count, steps)
    changed = resampled(whole, even, width=steps, span=(count - 1)[:, None].float())
    if series.shape[2] < steps:
        return changed
    return torch.where((count == steps)[:, None, None], whole[:, :, :steps], changed)
