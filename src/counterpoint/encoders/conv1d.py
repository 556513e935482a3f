r"""Dilated convolutions for series: the dilation doubles from block to block.

    x <- x + W2 relu(BN(W1 relu(BN(x))))        kernels of 3 steps, dilation 1, 2, 4, ...
    h = [max over time; mean over time]

After TS2Vec, Yue et al. 2021, arXiv:2106.10466, section 3.1.  Six blocks have a receptive field of 255 steps; series
may have any length, and h has the same width for all of them.

A missing value (NaN) is read as 0, the mean of standardised values. A series ends with its last step of which a
channel is present: steps behind it are 0 at the input of every convolution, and count neither for the statistics of
batch normalisation nor for the maximum and the mean. So h of a series does not depend on its padding.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from counterpoint.encoders.length_buckets import written_down


class Block(nn.Module):
    """A residual block of two dilated convolutions: (b, w, t) -> (b, w, t)."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(inplace=True),
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, bias=False),
        )

    def forward(self, series: Float[Tensor, "b w t"]) -> Float[Tensor, "b w t"]:
        changed: Tensor = series + self.change(series)
        return changed

    def within(self, series: Float[Tensor, "b w t"], valid: Bool[Tensor, "b 1 t"]) -> Float[Tensor, "b w t"]:
        """The same for series that are padded behind their valid steps."""
        return series + within(self.change, series, valid)


class DilatedConvolutions(nn.Module):
    """Series (b, c, t) of any length to representations (b, outputs); NaN where a value is missing."""

    def __init__(self, channels: int, width: int, blocks: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(channels, width, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(width, 2**number) for number in range(blocks)))
        self.last = nn.Sequential(
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, 2 * width, 1),
            nn.BatchNorm1d(2 * width),
            nn.ReLU(),
        )
        self.outputs = 4 * width

    def forward(self, series: Float[Tensor, "b c t"]) -> Float[Tensor, "b h"]:
        missing = series.isnan()
        if written_down():  # a traced graph is for series with and without missing values
            return self._padded(series.masked_fill(missing, 0.0), valid_steps(missing))
        if bool(missing.any()):
            valid = valid_steps(missing)
            end = int(valid.any(dim=0).sum())  # steps behind it are padding in the whole batch
            return self._padded(series[:, :, :end].masked_fill(missing[:, :, :end], 0.0), valid[:, :, :end])
        steps = self.last(self.blocks(self.first(series)))
        return torch.cat([steps.amax(dim=2), steps.mean(dim=2)], dim=1)

    def _padded(self, series: Float[Tensor, "b c t"], valid: Bool[Tensor, "b 1 t"]) -> Float[Tensor, "b h"]:
        steps = self.first(series)
        for block in self.blocks:
            assert isinstance(block, Block)
            steps = block.within(steps, valid)
        steps = within(self.last, steps, valid).masked_fill(~valid, 0.0)  # no larger than a valid one, behind a ReLU
        mean = steps.sum(dim=2, dtype=torch.float32) / valid.sum(dim=2)
        return torch.cat([steps.amax(dim=2), mean.to(steps.dtype)], dim=1)


def valid_steps(missing: Bool[Tensor, "b c t"]) -> Bool[Tensor, "b 1 t"]:
    """Whether a step is no padding: at or before the last one of which a channel is present; the first always is.

    >>> missing = torch.tensor([[[False, True, False, True], [True, True, True, True]]])
    >>> valid_steps(missing).tolist()
    [[[True, True, True, False]]]
    """
    step = torch.arange(missing.shape[2], device=missing.device)
    last = torch.where(missing.all(dim=1), 0, step).amax(dim=1)
    return (step <= last[:, None])[:, None]


def within(layers: nn.Module, series: Float[Tensor, "b w t"], valid: Bool[Tensor, "b 1 t"]) -> Float[Tensor, "b v t"]:
    """Layers in turn: convolutions see 0 behind the valid steps, and batch normalisation learns from valid steps."""
    for layer in layers.children():
        if isinstance(layer, nn.Conv1d):
            series = layer(series.masked_fill(~valid, 0.0))
        elif isinstance(layer, _BatchNorm) and layer.training:
            series = _normalised(layer, series, valid)
        else:
            series = layer(series)
    return series


def _normalised(layer: nn.Module, series: Float[Tensor, "b w t"], valid: Bool[Tensor, "b 1 t"]) -> Tensor:
    """The valid steps as rows (n, w), normalised and put back; 0 elsewhere."""
    steps, kept = series.transpose(1, 2), valid[:, 0]
    rows: Tensor = layer(steps[kept])
    return rows.new_zeros(steps.shape).index_put((kept,), rows).transpose(1, 2)


def conv1d(channels: int, *, width: int = 64, blocks: int = 6) -> DilatedConvolutions:
    """An encoder for series with this many channels; h has width 4 * ``width``.

    >>> conv1d(3, width=8)(torch.randn(2, 3, 50)).shape
    torch.Size([2, 32])
    """
    return DilatedConvolutions(channels, width, blocks)
