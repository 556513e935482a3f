r"""Brightness, contrast, saturation, hue and grey: for each item one matrix on its colours.

    view = clamp(M image + o)       M (3, 3), o (3,): the product of the five changes below

SimCLR, Chen et al. 2020, arXiv:2002.05709, appendix A: factors from [1 - 0.8 s, 1 + 0.8 s], hue from
[-0.2 s, 0.2 s] of a turn, applied with probability 0.8; grey with probability 0.2.  All are affine in the colours
(hue turns the chroma plane of YIQ), so they are multiplied first and touch the pixels once.

Use when: colour and light are an accident of the photo, not the thing itself. Grey images have no hue to change.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from counterpoint.views import draw

LUMA = (0.299, 0.587, 0.114)
YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


def factor(key: Int64[Tensor, " b"], strength: float, purpose: str) -> Float[Tensor, " b"]:
    """A number around 1 for each item, never negative."""
    return draw.uniform(key, 1, purpose, low=max(0.0, 1 - strength), high=1 + strength)[:, 0]


def turn(angle: Float[Tensor, " b"]) -> Float[Tensor, "b 3 3"]:
    """Hue rotations by angles in radians: there and back again through YIQ."""
    there = torch.tensor(YIQ, device=angle.device)
    cos, sin, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    middle = torch.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], dim=1).view(-1, 3, 3)
    back: Tensor = torch.linalg.inv(there)
    return back @ middle @ there


def jitter_matrix(
    key: Int64[Tensor, " b"], *, brightness: float, contrast: float, saturation: float, hue: float
) -> tuple[Float[Tensor, "b 3 3"], Float[Tensor, " b"]]:
    """The colour matrix of each item, and its contrast factor (contrast also needs the image's mean)."""
    identity = torch.eye(3, device=key.device)
    luma = torch.tensor(LUMA, device=key.device).expand(3, 3)
    fade = factor(key, saturation, "satura")[:, None, None]
    saturated = fade * identity + (1 - fade) * luma
    light = factor(key, brightness, "bright")[:, None, None]
    angle = draw.uniform(key, 1, "hue", low=-hue, high=hue)[:, 0] * 2 * math.pi
    return turn(angle) @ saturated * light, factor(key, contrast, "contrast")


def jitter(
    images: Float[Tensor, "b c h w"],
    key: Int64[Tensor, " b"],
    *,
    strength: float = 0.5,
    probability: float = 0.8,
    grey: float = 0.2,
) -> Float[Tensor, "b c h w"]:
    """Colours in [0, 1] changed at random, each item in its own way. One channel: brightness and contrast only."""
    changed = draw.chance(key, probability, "jitter")
    spread = 0.8 * strength
    if images.shape[1] != 3:
        light = torch.where(changed, factor(key, spread, "bright"), 1.0)[:, None, None, None]
        contrast = torch.where(changed, factor(key, spread, "contrast"), 1.0)[:, None, None, None]
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        return (images * (light * contrast) + mean * (light * (1 - contrast))).clamp_(0, 1)
    matrix, contrast = jitter_matrix(
        key, brightness=spread, contrast=spread, saturation=spread, hue=min(0.2 * strength, 0.5)
    )
    identity = torch.eye(3, device=key.device)
    luma = torch.tensor(LUMA, device=key.device)
    matrix = torch.where(changed[:, None, None], matrix, identity)
    contrast = torch.where(changed, contrast, 1.0)
    if grey > 0:
        greyed = draw.chance(key, grey, "grey")[:, None, None]
        matrix = torch.where(greyed, luma.expand(3, 3) @ matrix, matrix)
    middle = (matrix @ images.mean(dim=(2, 3))[:, :, None])[:, :, 0] @ luma
    offset = ((1 - contrast) * middle)[:, None, None]
    flat = images.flatten(2)
    return torch.baddbmm(offset, matrix * contrast[:, None, None], flat).clamp_(0, 1).view_as(images)


def solarize(
    images: Float[Tensor, "b c h w"], key: Int64[Tensor, " b"], *, probability: float = 0.2, threshold: float = 0.5
) -> Float[Tensor, "b c h w"]:
    """Pixels above the threshold inverted, for a share of the items (BYOL, Grill et al. 2020, appendix B)."""
    chosen = draw.chance(key, probability, "solarize")[:, None, None, None]
    return torch.where(chosen & (images >= threshold), 1 - images, images)
