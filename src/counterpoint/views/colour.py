r"""Brightness, contrast, saturation, hue and grey: one matrix per item on its colours.

    view = clamp(M image + o)       M (3, 3), o (3,): the product of the five changes below

SimCLR, Chen et al. 2020, arXiv:2002.05709, appendix A: factors from [1 - 0.8 s, 1 + 0.8 s], hue from
[-0.2 s, 0.2 s] of a turn, applied with probability 0.8; grey with probability 0.2.  All are affine in the colours
(hue rotates the chroma plane of YIQ), so they are multiplied first and pixels are transformed once.

Use when: colour and light are incidental, not part of the object. Grey images have no hue to change.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from counterpoint import rng
from counterpoint.views.resampling import Change, Some, lying

LUMA = (0.299, 0.587, 0.114)
YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


def turning() -> Float[Tensor, "3 3 3"]:
    """A, B and C in turn(angle) = A + B cos(angle) + C sin(angle), a rotation in YIQ."""
    there = torch.tensor(YIQ)
    back: Tensor = torch.linalg.inv(there)
    parts = torch.zeros(3, 3, 3)
    parts[0, 0, 0] = parts[1, 1, 1] = parts[1, 2, 2] = parts[2, 2, 1] = 1
    parts[2, 1, 2] = -1
    return back @ parts @ there


TURNING = turning()
FADED = TURNING @ torch.tensor(LUMA).expand(3, 3)
"""The same after replacing every colour by its grey."""


def turn(
    angle: Float[Tensor, " b"], *, fade: Float[Tensor, " b"], light: Float[Tensor, " b"]
) -> Float[Tensor, "b 3 3"]:
    """Saturation by the factor ``fade``, hue by an angle in radians and brightness, as one linear map of six values."""
    wave = torch.stack([torch.ones_like(angle), angle.cos(), angle.sin()])
    waves = torch.cat([wave * (fade * light), wave * ((1 - fade) * light)])
    parts = torch.cat([TURNING, FADED]).view(6, 9).to(angle.device)
    return (waves.T @ parts).view(-1, 3, 3)


def jittering(
    key: Int64[Tensor, " b"], *, strength: float = 0.5, probability: float = 0.8, grey: float = 0.2
) -> Change:
    """The function of ``jitter``: drawn for all items at once, applied to some of them at a time."""
    drawn = rng.firsts(key, "jitter", "bright", "contrast", "satura", "hue", "grey")
    spread, hue = 0.8 * strength, min(0.2 * strength, 0.5)
    low = max(0.0, 1 - spread)
    changed = drawn[0] < probability
    light, contrast, fade = torch.where(changed, low + (1 + spread - low) * drawn[1:4], 1.0)
    angle = torch.where(changed, (2 * drawn[4] - 1) * hue, 0.0) * 2 * math.pi
    luma = torch.tensor(LUMA, device=key.device)
    matrix = turn(angle, fade=fade, light=light)
    matrix = torch.where((drawn[5] < grey)[:, None, None], luma @ matrix[:, None], matrix)
    scaled, brought = contrast[:, None, None] * matrix, (1 - contrast)[:, None] * (luma @ matrix)

    def change(images: Tensor, some: Some) -> Tensor:
        if lying(images):  # the order of pixels does not matter
            return change(images.transpose(2, 3), some).transpose(2, 3)
        flat = images.flatten(2)
        if images.shape[1] != 3:
            factor = (light * contrast)[some, None, None]
            offset = flat.mean(dim=(1, 2)) * (light * (1 - contrast))[some]
            return torch.addcmul(offset[:, None, None], flat, factor).clamp_(0, 1).view_as(images)
        offset = (brought[some] * flat.mean(dim=2)).sum(dim=1)[:, None, None]
        return torch.baddbmm(offset, scaled[some], flat).clamp_(0, 1).view_as(images)

    return change


def jitter(
    images: Float[Tensor, "b c h w"],
    key: Int64[Tensor, " b"],
    *,
    strength: float = 0.5,
    probability: float = 0.8,
    grey: float = 0.2,
) -> Float[Tensor, "b c h w"]:
    """Random colours in [0, 1], separately for each item. Without three channels: only brightness and contrast."""
    return jittering(key, strength=strength, probability=probability, grey=grey)(images, slice(None))


def solarize(
    images: Float[Tensor, "b c h w"], key: Int64[Tensor, " b"], *, probability: float = 0.2, threshold: float = 0.5
) -> Float[Tensor, "b c h w"]:
    """Pixels above the threshold inverted, for a share of the items (BYOL, Grill et al. 2020, appendix B)."""
    chosen = rng.chance(key, probability, "solarize")[:, None, None, None]
    return torch.where(chosen & (images >= threshold), 1 - images, images)
