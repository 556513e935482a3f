r"""Cut images into a grid of patches, and fill masked ones with the mean of the image, as ``erase`` does.

x(S) = image in the patches of S, mean(image) in all others
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from counterpoint.interfaces import Parts

SIDE = 7
"""Patches along each side; fewer where there are fewer pixels."""


def patches(height: int, width: int) -> Parts:
    """The patches of images of this size in pixels, row by row.

    >>> patches(28, 28).names[9], [round(28 * edge) for edge in patches(28, 28).places[9]]
    ('row 2, column 3', [8, 4, 12, 8])
    """
    rows, columns = _edges(height), _edges(width)
    at = [(row, column) for row in range(len(rows) - 1) for column in range(len(columns) - 1)]
    return Parts(
        [f"row {row + 1}, column {column + 1}" for row, column in at],
        [
            (columns[column] / width, rows[row] / height, columns[column + 1] / width, rows[row + 1] / height)
            for row, column in at
        ],
    )


def with_patches(image: Float[Tensor, "1 c h w"], kept: Bool[Tensor, "m n"]) -> Float[Tensor, "m c h w"]:
    """The image once for each mask, True where a patch is kept.

    >>> with_patches(torch.tensor([[[[0.0, 1.0]]]]), torch.tensor([[True, False]])).tolist()
    [[[[0.0, 0.5]]]]
    """
    height, width = image.shape[2:]
    row, column = (_band(side).to(image.device) for side in (height, width))
    patch = row[:, None] * (int(column[-1]) + 1) + column
    return torch.where(kept[:, patch][:, None], image, image.mean(dim=(1, 2, 3), keepdim=True))


def _edges(pixels: int) -> list[int]:
    """Where patches begin and end along a side, in pixels."""
    count = min(SIDE, pixels)
    return [round(place * pixels / count) for place in range(count + 1)]


def _band(pixels: int) -> Int64[Tensor, " {pixels}"]:
    """The patch, counted from 0, of each pixel along a side."""
    edges = torch.tensor(_edges(pixels))
    return torch.repeat_interleave(edges.diff())
