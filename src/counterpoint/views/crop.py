r"""Crop a random box, resize it, optionally mirror it: one linear map for the rows, one for the columns.

    view = R image C^T      R (s, h), C (s, w): triangle filters over the box, each row summing to 1

Szegedy et al. 2015, arXiv:1409.4842 (random area and aspect ratio); SimCLR, Chen et al. 2020, arXiv:2002.05709,
appendix A.  The triangle widens when the box is larger than the view, so shrinking is antialiased exactly as in Pillow.
Every item has its own box; mirroring reverses the rows of C and costs nothing.

Use when: the position and size of the object do not matter. The strongest view for photos.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor
from torch.nn import functional

from counterpoint import rng
from counterpoint.preprocessing import Preprocessing
from counterpoint.views.resampling import Change, Some, Taps, resample


def filters(start: Float[Tensor, " b"], length: Float[Tensor, " b"], *, size: int, pixels: int) -> Taps:
    """Weights that resize [start, start + length) of a line of pixels to ``size`` points.

    >>> line, weight = filters(torch.tensor([0.0]), torch.tensor([2.0]), size=4, pixels=2)
    >>> line[0, 1].tolist(), weight[0, 1].tolist()
    ([0, 1], [0.75, 0.25])
    """
    reached = math.ceil(2 * max(1.0, pixels / size))
    scale = (length / size)[:, None, None]
    reach = scale.clamp(min=1)
    centre = start[:, None, None] + (torch.arange(size, device=start.device)[:, None] + 0.5) * scale
    line = torch.floor(centre - reach + 0.5) + torch.arange(reached, device=start.device)
    place = line + 0.5
    weight = (1 - (place - centre).abs() / reach).clamp_(min=0)
    weight *= (place > start[:, None, None]) & (place < (start + length)[:, None, None])
    return Taps(line.clamp_(0, pixels - 1).long(), weight / weight.sum(dim=2, keepdim=True))


def boxes(
    key: Int64[Tensor, " b"], *, height: int, width: int, scale: tuple[float, float], ratio: tuple[float, float]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Top, left, height and width of a random box for each item, on whole pixels, never larger than the image.

    With scale and ratio 1 nothing is drawn: the box is the full image, whatever its ratio.
    """
    if scale[0] == 1 and ratio[0] == 1:
        zero = torch.zeros(len(key), device=key.device)
        return zero, zero, zero + height, zero + width
    share, slant, down, across = rng.firsts(key, "area", "aspect", "place", "place")
    area = (scale[0] + (scale[1] - scale[0]) * share) * height * width
    lowest, highest = math.log(ratio[0]), math.log(ratio[1])
    aspect = torch.exp(lowest + (highest - lowest) * slant)
    tall = torch.sqrt(area / aspect).round_().clamp_(1, height)
    wide = torch.sqrt(area * aspect).round_().clamp_(1, width)
    return torch.floor(down * (height - tall + 1)), torch.floor(across * (width - wide + 1)), tall, wide


def cropping(
    key: Int64[Tensor, " b"],
    shape: torch.Size,
    *,
    size: int,
    scale: tuple[float, float] = (0.2, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    mirror: float = 0.5,
) -> Change:
    """The function of ``crop``: drawn for all items at once, applied to some of them at a time."""
    height, width = shape[2:]
    top, left, tall, wide = boxes(key, height=height, width=width, scale=scale, ratio=ratio)
    rows = filters(top, tall, size=size, pixels=height)
    columns = filters(left, wide, size=size, pixels=width)
    if mirror > 0:
        mirrored = rng.chance(key, mirror, "mirror")[:, None, None]
        columns = Taps(*(torch.where(mirrored, part.flip(1), part) for part in columns))

    def change(images: Tensor, some: Some) -> Tensor:
        line, weight = rows.of(some)
        if images.dtype == torch.uint8:
            weight = weight / 255
        return resample(images, Taps(line, weight), columns.of(some))

    return change


def crop(
    images: Shaped[Tensor, "b c h w"],
    key: Int64[Tensor, " b"],
    *,
    size: int,
    scale: tuple[float, float] = (0.2, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    mirror: float = 0.5,
) -> Float[Tensor, "b c {size} {size}"]:
    """A random box of every image, resized to (size, size) and mirrored with the given probability.

    Bytes are divided by 255, within the filters.
    """
    change = cropping(key, images.shape, size=size, scale=scale, ratio=ratio, mirror=mirror)
    return change(images, slice(None)).contiguous()


def resize(images: Float[Tensor, "b c h w"], *, size: int) -> Float[Tensor, "b c {size} {size}"]:
    """The full image at (size, size), antialiased: the input of an encoder that embeds."""
    height, width = images.shape[2:]
    if (height, width) == (size, size):
        return images
    extent = [torch.tensor([float(n)], device=images.device) for n in (height, width)]
    zero = torch.zeros(1, device=images.device)
    rows = filters(zero, extent[0], size=size, pixels=height)
    columns = filters(zero, extent[1], size=size, pixels=width)
    return resample(images, rows, columns).contiguous()


def middle(images: Shaped[Tensor, "b c h w"], like: Preprocessing) -> Shaped[Tensor, "b c s s"]:
    """The centre crop of images that a pretrained network expects, as bytes or floats: (size, size) pixels of each.

    Images that are stored as squares of the right size are not resized. Others are: within one level of 255 of Pillow's
    result for bytes, except where those reach black or white.
    """
    height, width = images.shape[2:]
    if (height, width) != (like.kept, like.kept):
        tall, wide, _, _ = like.box(height, width)
        scaled = functional.interpolate(images.float(), (tall, wide), mode=like.resample, antialias=True)
        images = scaled.round_().clamp_(0, 255).to(torch.uint8) if images.dtype == torch.uint8 else scaled
        height, width = tall, wide
    top, left = like.margin(height), like.margin(width)
    return images[:, :, top : top + like.size, left : left + like.size]
