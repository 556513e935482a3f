r"""Cut pictures into the cells of a grid, and blank some of them with the picture's own mean, as ``erase`` does.

x(S) = picture in the cells of S, mean(picture) in all others
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from counterpoint.interfaces import Parts

SIDE = 7
"""Cells in a row and in a column, where there are as many pixels."""


def cells(height: int, width: int) -> Parts:
    """The cells of pictures of this size, row by row.

    >>> cells(28, 28).names[9], [round(28 * edge) for edge in cells(28, 28).places[9]]
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


def with_cells(picture: Float[Tensor, "1 c h w"], kept: Bool[Tensor, "m n"]) -> Float[Tensor, "m c h w"]:
    """The picture once for each row of ``kept``, the other cells blank.

    >>> with_cells(torch.tensor([[[[0.0, 1.0]]]]), torch.tensor([[True, False]])).tolist()
    [[[[0.0, 0.5]]]]
    """
    height, width = picture.shape[2:]
    row, column = (_of_pixel(side).to(picture.device) for side in (height, width))
    cell = row[:, None] * (int(column[-1]) + 1) + column
    return torch.where(kept[:, cell][:, None], picture, picture.mean(dim=(1, 2, 3), keepdim=True))


def _edges(pixels: int) -> list[int]:
    """Where cells end, in pixels from the edge."""
    count = min(SIDE, pixels)
    return [round(place * pixels / count) for place in range(count + 1)]


def _of_pixel(pixels: int) -> Tensor:
    """The cell of every pixel of a line."""
    edges = torch.tensor(_edges(pixels))
    return torch.repeat_interleave(edges.diff())
