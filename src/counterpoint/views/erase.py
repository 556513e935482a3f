r"""Blank a random box with the image's mean, so that no single region identifies the item.

    view = image outside the box, mean(image) inside;  box sides uniform in [0.1, 0.4] of the image's

Zhong et al. 2017, arXiv:1708.04896 (random erasing); DeVries & Taylor 2017, arXiv:1708.04552 (cutout).
Use when: a detail would otherwise identify an item.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from counterpoint import rng


def erase(
    images: Float[Tensor, "b c h w"],
    key: Int64[Tensor, " b"],
    *,
    probability: float = 0.5,
    side: tuple[float, float] = (0.1, 0.4),
) -> Float[Tensor, "b c h w"]:
    """A share of the images with one blanked box each."""
    height, width = images.shape[2:]
    sides = rng.uniform(key, 2, "side", low=side[0], high=side[1])
    place = rng.uniform(key, 2, "erased")
    rows = _within(place[:, 0], sides[:, 0], height)
    columns = _within(place[:, 1], sides[:, 1], width)
    chosen = rng.chance(key, probability, "erase")
    box = (rows[:, :, None] & columns[:, None, :] & chosen[:, None, None])[:, None]
    return torch.where(box, images.mean(dim=(1, 2, 3), keepdim=True), images)


def _within(place: Tensor, share: Tensor, pixels: int) -> Tensor:
    """Mask of the pixels of a line in the box, whose position ``place`` is a share of the free room."""
    start = place * (1 - share) * pixels
    line = torch.arange(pixels, device=place.device) + 0.5
    return (line >= start[:, None]) & (line < (start + share * pixels)[:, None])
