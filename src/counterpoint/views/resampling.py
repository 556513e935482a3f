r"""Lines of an image as weighted sums of few of its lines: how crop, resize and blur touch the pixels.

    view_i = sum_k weight_ik image_{line_ik}        once for the rows, once for the columns

A filter that resizes or blurs is a banded matrix; only its band is kept. A processor sums lines fastest where they lie
in one piece, so the columns are turned into rows and back; a graphics card would rather multiply by the whole matrix.

Use when: every item has filters of its own. What all items share is a convolution.
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
"""Some of the items of a batch, by their places."""

Change = Callable[[Tensor, Some], Tensor]
"""From some of the images and which of the items they are, to their views."""

SHORT = 64
"""Lines up to this many pixels are multiplied by the whole matrix on a processor, too."""


class Taps(NamedTuple):
    """For each of s lines of a view, the k lines of the image that it is made of, and how much of each."""

    line: Int64[Tensor, "b s k"]
    weight: Float[Tensor, "b s k"]

    def of(self, some: Some) -> Taps:
        """Those of some of the items."""
        return Taps(self.line[some], self.weight[some])


def room(shape: Sequence[int], device: torch.device) -> Float[Tensor, "..."]:
    """Memory for a result. Where it is too large to come from what was freed, NumPy asks for huge pages, torch does
    not; the first touch of ordinary ones takes longer than all that views do to them.
    """
    if device.type != "cpu":
        return torch.empty(shape, device=device)
    return torch.from_numpy(np.empty(shape, dtype=np.float32))


def summed(images: Float[Tensor, "b c h w"], taps: Taps) -> Float[Tensor, "b c s w"]:
    """Rows of the images summed, each bag of rows on its own.

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
    """The whole matrix of which the taps are the band."""
    b, s, _ = taps.line.shape
    return taps.weight.new_zeros(b, s, pixels).scatter_add_(2, taps.line, taps.weight)


def resample(images: Shaped[Tensor, "b c h w"], rows: Taps, columns: Taps) -> Float[Tensor, "b c s t"]:
    """Views whose rows and columns are sums of those of the images, which may be floats or bytes.

    Where lines are long, the columns of the result lie in one piece in memory, not its rows. Whoever comes next starts
    with the columns, so nothing is turned only to be turned back.
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
    """Whether the columns lie in one piece, not the rows."""
    return images.stride(2) == 1 and images.stride(3) != 1


def spaced(images: Shaped[Tensor, "b c h w"]) -> Float[Tensor, "b c h v"]:
    """Floats with some room behind lines of 256 pixels, which would all compete for the same few places in the cache
    when they are turned.
    """
    b, c, h, w = images.shape
    gap = 16 if w % 256 == 0 else 0
    if images.dtype == torch.float32 and not gap:
        return images
    wider = torch.empty(b, c, h, w + gap)
    wider[..., :w] = images
    return wider
