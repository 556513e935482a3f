r"""Gaussian blur with a separate width for every item, as weighted sums of neighbouring lines.

    view = G image H^T,   G_ij = exp(-(i - j)^2 / 2 sigma^2) / sum_j,   sigma in [0.1, 2] pixels per 224

SimCLR, Chen et al. 2020, arXiv:2002.05709, appendix A: sigma uniform, for half of the views.

Use when: images are large enough for their finest texture to be noise. Below 64 pixels it removes the object itself.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from counterpoint import rng
from counterpoint.views.resampling import Change, Some, Taps, resample

NEGLIGIBLE = 4.75
"""Sigmas beyond which two millionths of the weight lie."""


def widths(key: Int64[Tensor, " b"], *, probability: float, sigma: tuple[float, float]) -> Float[Tensor, " b"]:
    """The blur of each item, as sigma in pixels; 0 for none."""
    blurred, place = rng.firsts(key, "blur", "sigma")
    return torch.where(blurred < probability, sigma[0] + (sigma[1] - sigma[0]) * place, 0.0)


def gaussian(sigma: Float[Tensor, " b"], *, pixels: int, reach: int) -> Taps:
    """Weights that blur a line of pixels, each from ``reach`` neighbours on either side; they always sum to 1.

    >>> line, weight = gaussian(torch.tensor([1.0]), pixels=9, reach=1)
    >>> line[0, 4].tolist(), [round(float(part), 2) for part in weight[0, 4]]
    ([3, 4, 5], [0.27, 0.45, 0.27])
    """
    distance = torch.arange(-reach, reach + 1, device=sigma.device)
    place = torch.arange(pixels, device=sigma.device)[:, None] + distance
    weight = torch.exp(-(distance**2) / (2 * sigma[:, None, None] ** 2)) * ((place >= 0) & (place < pixels))
    line = place.clamp_(0, pixels - 1).expand(len(sigma), -1, -1)
    return Taps(line, weight / weight.sum(dim=2, keepdim=True))


def blurring(width: Float[Tensor, " b"], *, size: int) -> Change:
    """A function that blurs some of the items at a time, for views of this size, given the width of each item."""

    def change(images: Tensor, some: Some) -> Tensor:
        which = width[some].nonzero()[:, 0]
        if len(which) == 0:
            return images
        sigma = width[some][which]
        reach = max(0, min(math.ceil(NEGLIGIBLE * float(sigma.max()) - 0.5), size - 1))
        taps = gaussian(sigma, pixels=size, reach=reach)
        if len(which) == len(images):
            return resample(images, taps, taps)
        return images.index_copy(0, which, resample(images.index_select(0, which), taps, taps))

    return change


def blur(
    images: Float[Tensor, "b c s s"],
    key: Int64[Tensor, " b"],
    *,
    probability: float = 0.5,
    sigma: tuple[float, float] = (0.1, 2.0),
) -> Float[Tensor, "b c s s"]:
    """A share of the square images blurred, sigma in pixels of this image."""
    width = widths(key, probability=probability, sigma=sigma)
    return blurring(width, size=images.shape[3])(images, slice(None)).contiguous()
