r"""Gaussian blur with its own width for every item, as sums of neighbouring lines.

    view = G image H^T,   G_ij = exp(-(i - j)^2 / 2 sigma^2) / sum_j,   sigma in [0.1, 2] pixels per 224

SimCLR, Chen et al. 2020, arXiv:2002.05709, appendix A: sigma uniform, for half of the views.

Use when: images are large enough for their finest texture to be noise. Below 64 pixels it removes the thing itself.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from counterpoint.views import draw
from counterpoint.views.lines import Change, Taps, resample

NEGLIGIBLE = 5.0
"""Beyond so many sigma lie less than a millionth of the weight."""


def gaussian(sigma: Float[Tensor, " b"], *, pixels: int, reach: int) -> Taps:
    """Weights that blur a line of pixels, each from its ``reach`` neighbours on either side; they always sum to 1.

    >>> line, weight = gaussian(torch.tensor([1.0]), pixels=9, reach=1)
    >>> line[0, 4].tolist(), [round(float(part), 2) for part in weight[0, 4]]
    ([3, 4, 5], [0.27, 0.45, 0.27])
    """
    distance = torch.arange(-reach, reach + 1, device=sigma.device)
    place = torch.arange(pixels, device=sigma.device)[:, None] + distance
    weight = torch.exp(-(distance**2) / (2 * sigma[:, None, None] ** 2)) * ((place >= 0) & (place < pixels))
    line = place.clamp_(0, pixels - 1).expand(len(sigma), -1, -1)
    return Taps(line, weight / weight.sum(dim=2, keepdim=True))


def blurring(
    key: Int64[Tensor, " b"], *, size: int, probability: float = 0.5, sigma: tuple[float, float] = (0.1, 2.0)
) -> Change:
    """What ``blur`` does to views of this size, drawn for all items at once and done to some of them at a time."""
    chosen = draw.chance(key, probability, "blur")
    width = draw.uniform(key, 1, "sigma", low=sigma[0], high=sigma[1])[:, 0]
    taps = gaussian(width, pixels=size, reach=min(math.ceil(NEGLIGIBLE * sigma[1]), size - 1))

    def change(images: Tensor, some: slice) -> Tensor:
        which = chosen[some].nonzero()[:, 0]
        if len(which) == 0:
            return images
        line, weight = taps.of(some)
        lines = Taps(line[which], weight[which])
        return images.index_copy(0, which, resample(images[which], lines, lines))

    return change


def blur(
    images: Float[Tensor, "b c s s"],
    key: Int64[Tensor, " b"],
    *,
    probability: float = 0.5,
    sigma: tuple[float, float] = (0.1, 2.0),
) -> Float[Tensor, "b c s s"]:
    """A share of the square images blurred, sigma in pixels of this image."""
    return blurring(key, size=images.shape[3], probability=probability, sigma=sigma)(images, slice(None))
