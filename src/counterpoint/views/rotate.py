r"""Rotate an image about its centre by a random angle.

    view(x) = image(T x),   T = [[cos a, -sin a], [sin a, cos a]],   a uniform in [-degrees, degrees]

Use when: there is no up and down (microscopes, satellites), or objects are slightly askew. Corners repeat the border.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from counterpoint import rng


def rotate(
    images: Float[Tensor, "b c h w"], key: Int64[Tensor, " b"], *, degrees: float, probability: float = 1.0
) -> Float[Tensor, "b c h w"]:
    """Each image rotated by its own angle, bilinear."""
    limit = math.radians(degrees)
    angle = rng.uniform(key, 1, "rotate", low=-limit, high=limit)[:, 0]
    angle = torch.where(rng.chance(key, probability, "rotates"), angle, 0.0)
    aspect = images.shape[2] / images.shape[3]
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    affine = torch.stack([cos, -sin * aspect, zero, sin / aspect, cos, zero], dim=1).view(-1, 2, 3)
    grid = torch.nn.functional.affine_grid(affine, list(images.shape), align_corners=False)
    return torch.nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
