r"""Augmentations of series (b, c, t): crop in time, noise, scaling of channels, masking of a run of steps.

    crop     x(t) -> x(start + length t),  length in [shortest, longest], linear between the steps
    jitter   x + strength n                n standard normal for every value
    scale    x_c e^(strength n_c)          n standard normal for every channel
    mask     x, 0 on a run of steps        its share of the series in [0, longest]

A missing value, NaN, stays missing; a shorter series, padded with NaN, is cropped and masked within its length.

The views of TS-TCC (jitter and scale, Eldele et al. 2021, arXiv:2106.14112, section 3.1) and of TS2Vec (crop and mask,
Yue et al. 2021, arXiv:2106.10466, section 3.2), the crop resized to full length as for images.

Use when: the class of a series does not depend on its start, on its amplitude, or on any one segment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from counterpoint import rng
from counterpoint.plans import within
from counterpoint.views.series_steps import lengths, resampled

SHORTEST = 8
"""The fewest steps of a local view."""


@dataclass(frozen=True)
class Waves:
    """All four in this order: crop, scale, jitter, mask. Zero disables one; for the crop, 1 does."""

    crop: float = 0.5
    """The smallest share of the series that a crop keeps."""
    largest: float = 1.0
    """The largest share of it."""
    scale: float = 0.2
    """Standard deviation of the logarithm of a channel's factor."""
    jitter: float = 0.1
    """Standard deviation of the noise, for values with standard deviation 1."""
    mask: float = 0.3
    """The longest mask, as a share of the series."""

    def __post_init__(self) -> None:
        within("crop", self.crop, 0.001, 1)
        within("largest", self.largest, self.crop, 1)
        within("mask", self.mask, 0, 1)
        within("scale", self.scale, 0)
        within("jitter", self.jitter, 0)

    def __call__(
        self, series: Float[Tensor, "b c t"], key: Int64[Tensor, " b"], *, steps: int | None = None
    ) -> Float[Tensor, "b c s"]:
        """One view of every series, with this many steps; None for as many as it has."""
        series = crop(series, key, shortest=self.crop, longest=self.largest, steps=steps)
        series = scale(series, key, strength=self.scale)
        series = jitter(series, key, strength=self.jitter)
        return mask(series, key, longest=self.mask)

    def stronger(self, by: float) -> dict[str, float]:
        """Options that are ``by`` times as strong; a mask is never longer than nine tenths."""
        changed = {
            "crop": max(0.01, self.crop**by),
            "scale": by * self.scale,
            "jitter": by * self.jitter,
            "mask": max(self.mask, min(0.9, by * self.mask)) if by > 1 else by * self.mask,
        }
        return {name: value for name, value in changed.items() if value != getattr(self, name)}

    def alone(self) -> dict[str, dict[str, float]]:
        """Options that apply one of the four changes only, by its name."""
        still = {"crop": 1.0, "largest": 1.0, "scale": 0.0, "jitter": 0.0, "mask": 0.0}
        made = {"crop": ("crop", "largest"), "scale": ("scale",), "jitter": ("jitter",), "mask": ("mask",)}
        return {
            change: {**still, **{name: getattr(self, name) for name in names}}
            for change, names in made.items()
            if any(getattr(self, name) != still[name] for name in names)
        }

    def local(self) -> Waves:
        """The same for views of half as many steps: half the share, so that the sampling rate stays the same."""
        return replace(self, crop=max(0.001, self.crop / 2), largest=max(0.001, self.largest / 2))


def crop(
    series: Float[Tensor, "b c t"],
    key: Int64[Tensor, " b"],
    *,
    shortest: float = 0.5,
    longest: float = 1.0,
    steps: int | None = None,
) -> Float[Tensor, "b c s"]:
    """A random window of every series, resampled to this many steps (all that it has) by linear interpolation.

    A series that is shorter than others gets as many steps fewer, but at least ``SHORTEST`` of those that it has.
    """
    last = series.shape[2] - 1
    drawn = rng.uniform(key, 2, "window")
    length = (shortest + (longest - shortest) * drawn[:, :1]) * last
    line = torch.linspace(0, 1, last + 1 if steps is None else steps, device=series.device)
    place = drawn[:, 1:] * (last - length) + length * line
    left = place.floor().clamp(0, last)
    share = (place - left)[:, None]
    before = left.long()[:, None].expand(-1, series.shape[1], -1)
    after = (before + 1).clamp(max=last)
    views = torch.lerp(series.gather(2, before), series.gather(2, after), share.to(series.dtype))
    gaps = series.isnan().flatten(1).any(dim=1)
    if bool(gaps.any()):
        kept = shortest + (longest - shortest) * drawn[gaps, :1]
        views[gaps] = _crop_within(series[gaps], kept, drawn[gaps, 1:], views.shape[2])
    return views


def _crop_within(
    series: Float[Tensor, "b c t"], kept: Float[Tensor, "b 1"], begin: Float[Tensor, "b 1"], width: int
) -> Float[Tensor, "b c s"]:
    """Windows within the length of each series, by their shares of it; all of it where a window would be empty."""
    count = lengths(series)
    steps = torch.maximum(count * width // series.shape[2], count.clamp(max=min(SHORTEST, width)))
    span = kept * (count - 1)[:, None]
    views = resampled(series, steps, width=width, start=begin * ((count - 1)[:, None] - span), span=span)
    empty = views.isnan().flatten(1).all(dim=1)
    return torch.where(empty[:, None, None], resampled(series, steps, width=width), views)


def jitter(
    series: Float[Tensor, "b c t"], key: Int64[Tensor, " b"], *, strength: float = 0.1
) -> Float[Tensor, "b c t"]:
    """Every value plus noise of this standard deviation."""
    noise = rng.normal(key, series[0].numel(), "jitter").reshape(series.shape)
    return series + strength * noise


def scale(series: Float[Tensor, "b c t"], key: Int64[Tensor, " b"], *, strength: float = 0.2) -> Float[Tensor, "b c t"]:
    """Every channel times a positive factor, whose logarithm has this standard deviation."""
    return series * torch.exp(strength * rng.normal(key, series.shape[1], "scale"))[:, :, None]


def mask(series: Float[Tensor, "b c t"], key: Int64[Tensor, " b"], *, longest: float = 0.3) -> Float[Tensor, "b c t"]:
    """Every series with a random run of steps set to 0, the mean of standardised values.

    >>> key = rng.keys(seed=0, epoch=0, items=torch.tensor([5]), view=0)
    >>> mask(torch.ones(1, 1, 8), key, longest=0.9).tolist()
    [[[1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]]]
    """
    steps, missing = lengths(series)[:, None], series.isnan()
    drawn = rng.uniform(key, 2, "mask")
    run = torch.minimum((longest * drawn[:, :1] * (steps + 1)).floor(), steps)
    first = (drawn[:, 1:] * (steps - run + 1)).floor()
    step = torch.arange(series.shape[2], device=series.device)
    silent = (step >= first) & (step < first + run)
    return series.masked_fill(silent[:, None] & ~missing, 0.0)
