r"""Gaussian blur with its own width for every item, as two banded matrix products.

    view = G image H^T,   G_ij = exp(-(i - j)^2 / 2 sigma^2) / sum_j,   sigma in [0.1, 2] pixels per 224

SimCLR, Chen et al. 2020, arXiv:2002.05709, appendix A: sigma uniform, for half of the views.

Use when: images are large enough for their finest texture to be noise. Below 64 pixels it removes the thing itself.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from counterpoint.views import draw


def gaussian(sigma: Float[Tensor, " b"], pixels: int) -> Float[Tensor, "b {pixels} {pixels}"]:
    """Blurring matrices whose rows sum to 1, also at the border."""
    place = torch.arange(pixels, device=sigma.device)
    distance = (place[:, None] - place[None, :]) ** 2
    weight = torch.exp(-distance / (2 * sigma[:, None, None] ** 2))
    return weight / weight.sum(dim=2, keepdim=True)


def blur(
    images: Float[Tensor, "b c h w"],
    key: Int64[Tensor, " b"],
    *,
    probability: float = 0.5,
    sigma: tuple[float, float] = (0.1, 2.0),
) -> Float[Tensor, "b c h w"]:
    """A share of the images blurred, sigma in pixels of this image."""
    chosen = draw.chance(key, probability, "blur")
    if not bool(chosen.any()):
        return images
    width = draw.uniform(key, 1, "sigma", low=sigma[0], high=sigma[1])[:, 0][chosen]
    rows = gaussian(width, images.shape[2])
    columns = rows if images.shape[2] == images.shape[3] else gaussian(width, images.shape[3])
    blurred = images.clone()
    blurred[chosen] = rows[:, None] @ images[chosen] @ columns.transpose(1, 2)[:, None]
    return blurred
