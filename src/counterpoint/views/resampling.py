r"""Lines of a view as weighted sums of a few lines of the image: the kernel of crop, resize and blur.

    view_i = sum_k weight_ik image_{line_ik}        once for the rows, once for the columns

A filter that resizes or blurs is a banded matrix; only its band is stored. A CPU sums lines fastest where they are
contiguous, so columns are transposed to rows and back; a GPU is faster with products of the full matrix.

Use when: every item has its own filters. If all items share one, it is a convolution.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor
from torch.nn import functional

Some = slice | Tensor
"""Some of the items of a batch, by their indices."""

Change = Callable[[Tensor, Some], Tensor]
"""From some of the images, and their indices in the batch, to their views."""

SHORT = 64
"""Lines up to this many pixels are multiplied by the full matrix on a CPU, too."""


class Taps(NamedTuple):
    """For each of s lines of a view, k lines of the image, and their weights."""

    line: Int64[Tensor, "b s k"]
    weight: Float[Tensor, "b s k"]

    def of(self, some: Some) -> Taps:
        """The taps of some of the items."""
        return Taps(self.line[some], self.weight[some])


def room(shape: Sequence[int], device: torch.device) -> Float[Tensor, "..."]:
    """Memory for a result. For large results NumPy requests huge pages and torch does not; the first access to ordinary
    pages takes longer than the augmentation itself.
    """
    if device.type != "cpu":
        return torch.empty(shape, device=device)
    return torch.from_numpy(np.empty(shape, dtype=np.float32))


def summed(images: Float[Tensor, "b c h w"], taps: Taps) -> Float[Tensor, "b c s w"]:
    """Weighted sums of rows of the images, one for each line of the view.

    >>> taps = Taps(torch.tensor([[[0, 1], [2, 2]]]), torch.tensor([[[0.5, 0.5], [1.0, 0.0]]]))
    >>> summed(torch.tensor([[[[2.0], [4.0], [8.0]]]]), taps).flatten().tolist()
    [3.0, 8.0]
    """
    b, c, h, w = images.shape
    s, k = taps.line.shape[1:]
    first = torch.arange(0, b * c * h, h, dtype=torch.int32, device=images.device).view(b, c, 1, 1)
    rows = (first + taps.line[:, None].to(torch.int32)).view(-1, k)
    weight = taps.weight[:, None].expand(b, c, s, k).reshape(-1, k)
    bags = functional.embedding_bag(rows, images.reshape(-1, w), per_sample_weights=weight, mode="sum")
    return bags.view(b, c, s, w)


def matrix(taps: Taps, pixels: int) -> Float[Tensor, "b s {pixels}"]:
    """The full matrix of the band."""
    b, s, _ = taps.line.shape
    return taps.weight.new_zeros(b, s, pixels).scatter_add_(2, taps.line, taps.weight)


def resample(images: Shaped[Tensor, "b c h w"], rows: Taps, columns: Taps) -> Float[Tensor, "b c s t"]:
    """Views whose rows and columns are weighted sums of those of the images, which may be floats or bytes.

    Where lines are long, the columns of the result are contiguous in memory, not its rows: the next operation starts
    with the columns, which saves a transposition.
    """
    b, c, h, w = images.shape
    if images.device.type != "cpu" or max(h, w) <= SHORT:
        across = images.to(torch.float32).reshape(b, c * h, w) @ matrix(columns, w).transpose(1, 2)
        return matrix(rows, h)[:, None] @ across.view(b, c, h, -1)
    if lying(images):
        return resample(images.transpose(2, 3), columns, rows).transpose(2, 3)
    turned = summed(spaced(images), rows)[..., :w].transpose(2, 3).contiguous()
    return summed(turned, columns).transpose(2, 3)


def lying(images: Shaped[Tensor, "b c h w"]) -> bool:
    """Whether the columns are contiguous, not the rows."""
    return images.stride(2) == 1 and images.stride(3) != 1


def spaced(images: Shaped[Tensor, "b c h w"]) -> Float[Tensor, "b c h v"]:
    """Floats with padding after lines of 256 pixels, which would otherwise map to the same few cache lines when
    transposed.
    """
    b, c, h, w = images.shape
    gap = 16 if w % 256 == 0 else 0
    if images.dtype == torch.float32 and not gap:
        return images
    wider = torch.empty(b, c, h, w + gap)
    wider[..., :w] = images
    return wider
