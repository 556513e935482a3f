r"""Crop a random box, resize it, perhaps mirror it: one linear map for the rows, one for the columns.

    view = R image C^T      R (s, h), C (s, w): triangle filters over the box, each row summing to 1

Szegedy et al. 2015, arXiv:1409.4842 (random area and aspect ratio); SimCLR, Chen et al. 2020, arXiv:2002.05709,
appendix A.  The triangle widens when the box is larger than the view, so shrinking is antialiased exactly as Pillow
does it.  Every item has its own box; mirroring reverses the rows of C and costs nothing.

Use when: where a thing stands and how large it is do not matter. The strongest view for photos.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from counterpoint.views import draw


def filters(
    start: Float[Tensor, " b"], length: Float[Tensor, " b"], *, size: int, pixels: int
) -> Float[Tensor, "b {size} {pixels}"]:
    """Weights that resize [start, start + length) of a line of pixels to size points.

    >>> filters(torch.tensor([1.0]), torch.tensor([2.0]), size=2, pixels=4)[0].tolist()
    [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
    """
    scale = (length / size)[:, None, None]
    centre = start[:, None, None] + (torch.arange(size, device=start.device)[:, None] + 0.5) * scale
    place = torch.arange(pixels, device=start.device) + 0.5
    weight = (1 - (place - centre).abs() / scale.clamp(min=1)).clamp(min=0)
    inside = (place > start[:, None, None]) & (place < (start + length)[:, None, None])
    weight = weight * inside
    return weight / weight.sum(dim=2, keepdim=True)


def boxes(
    key: Int64[Tensor, " b"], *, height: int, width: int, scale: tuple[float, float], ratio: tuple[float, float]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Top, left, height and width of a random box for each item, on whole pixels, never larger than the image."""
    area = draw.uniform(key, 1, "area", low=scale[0], high=scale[1])[:, 0] * height * width
    aspect = torch.exp(draw.uniform(key, 1, "aspect", low=math.log(ratio[0]), high=math.log(ratio[1]))[:, 0])
    tall = torch.sqrt(area / aspect).round().clamp(1, height)
    wide = torch.sqrt(area * aspect).round().clamp(1, width)
    place = draw.uniform(key, 2, "place")
    top = torch.floor(place[:, 0] * (height - tall + 1))
    left = torch.floor(place[:, 1] * (width - wide + 1))
    return top, left, tall, wide


def crop(
    images: Float[Tensor, "b c h w"],
    key: Int64[Tensor, " b"],
    *,
    size: int,
    scale: tuple[float, float] = (0.2, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    mirror: float = 0.5,
) -> Float[Tensor, "b c {size} {size}"]:
    """A random box of every image, resized to (size, size) and mirrored with the given probability."""
    height, width = images.shape[2:]
    top, left, tall, wide = boxes(key, height=height, width=width, scale=scale, ratio=ratio)
    rows = filters(top, tall, size=size, pixels=height)
    columns = filters(left, wide, size=size, pixels=width)
    if mirror > 0:
        mirrored = draw.chance(key, mirror, "mirror")[:, None, None]
        columns = torch.where(mirrored, columns.flip(1), columns)
    return rows[:, None] @ images @ columns.transpose(1, 2)[:, None]


def resize(images: Float[Tensor, "b c h w"], *, size: int) -> Float[Tensor, "b c {size} {size}"]:
    """The whole image at (size, size), antialiased: what an encoder sees when it embeds."""
    height, width = images.shape[2:]
    if (height, width) == (size, size):
        return images
    whole = [torch.tensor([float(n)], device=images.device) for n in (height, width)]
    zero = torch.zeros(1, device=images.device)
    rows = filters(zero, whole[0], size=size, pixels=height)
    columns = filters(zero, whole[1], size=size, pixels=width)
    return rows[:, None] @ images @ columns.transpose(1, 2)[:, None]
