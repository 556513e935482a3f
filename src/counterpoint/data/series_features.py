r"""Classical features of series (b, c, t): statistics, and convolutions with random kernels.

Statistics are those that people compute first, 23 a channel; for a published selection see catch22, Lubba et al. 2019,
arXiv:1901.10200.  Random kernels are ROCKET, Dempster, Petitjean & Webb 2020, arXiv:1910.13051: of the convolution of
the standardised series with kernel j,

    ppv_j = share of steps at which w_j * x + b_j > 0,      max_j = max over time of w_j * x + b_j

with 7, 9 or 11 normal weights less their mean, a bias in [-1, 1], a dilation 2^u, u uniform up to the length of the
series, and one channel for each kernel.  The kernels are the same for all series of one length.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

KERNELS = 500
"""Random kernels; twice as many features."""

LAGS, BANDS = (1, 2, 3, 5, 8), 4
"""Steps of the autocorrelations, and bands of the spectrum."""

SMALL = 1e-8


def statistics(series: Float[Tensor, "b c t"]) -> Float[Tensor, "b f"]:
    """Moments, quantiles, changes, autocorrelations and the spectrum of every channel.

    >>> statistics(torch.randn(4, 2, 50)).shape
    torch.Size([4, 46])
    """
    mean, deviation = series.mean(dim=2), series.std(dim=2, correction=0)
    standard = (series - mean[..., None]) / (deviation[..., None] + SMALL)
    change = series.diff(dim=2) if series.shape[2] > 1 else torch.zeros_like(series)
    levels = torch.quantile(series, torch.tensor([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0], dtype=series.dtype), dim=2)
    time = torch.linspace(-1, 1, series.shape[2])
    parts = [mean, deviation, standard.pow(3).mean(dim=2), standard.pow(4).mean(dim=2), *levels]
    parts += [change.abs().mean(dim=2), change.std(dim=2, correction=0), (standard * time).mean(dim=2)]
    parts.append(
        (standard.sign().diff(dim=2) != 0).float().mean(dim=2) if series.shape[2] > 1 else torch.zeros_like(mean)
    )
    parts += [_autocorrelation(standard, lag) for lag in LAGS]
    return torch.stack([*parts, *_spectrum(standard)], dim=2).flatten(1).nan_to_num()


def _autocorrelation(standard: Float[Tensor, "b c t"], lag: int) -> Float[Tensor, "b c"]:
    if lag >= standard.shape[2]:
        return torch.zeros(standard.shape[:2])
    return (standard[..., lag:] * standard[..., :-lag]).mean(dim=2)


def _spectrum(standard: Float[Tensor, "b c t"]) -> list[Float[Tensor, "b c"]]:
    """The shares of the power in bands of equal width, but for the last, which follows from the others."""
    power = torch.fft.rfft(standard, dim=2).abs().square()[..., 1:]
    share = power / (power.sum(dim=2, keepdim=True) + SMALL)
    edges = [round(place * power.shape[2] / BANDS) for place in range(BANDS + 1)]
    return [share[..., edges[band] : edges[band + 1]].sum(dim=2) for band in range(BANDS - 1)]


def random_kernels(series: Float[Tensor, "b c t"]) -> Float[Tensor, "b f"]:
    """The features of ROCKET.

    >>> random_kernels(torch.randn(4, 2, 50)).shape
    torch.Size([4, 1000])
    """
    mean, deviation = series.mean(dim=2, keepdim=True), series.std(dim=2, keepdim=True, correction=0)
    standard = (series - mean) / (deviation + SMALL)
    channels, steps = series.shape[1:]
    drawn = torch.Generator().manual_seed(0)
    features = []
    for _ in range(KERNELS):
        length = (7, 9, 11)[int(torch.randint(3, (1,), generator=drawn))]
        weight = torch.randn(length, generator=drawn)
        bias = float(2 * torch.rand(1, generator=drawn) - 1)
        longest = math.log2(max(1.0, (steps - 1) / (length - 1)))
        dilation = int(2 ** (float(torch.rand(1, generator=drawn)) * longest))
        padding = int(torch.randint(2, (1,), generator=drawn)) * ((length - 1) * dilation // 2)
        padding = padding if steps + 2 * padding > (length - 1) * dilation else (length - 1) * dilation // 2
        channel = int(torch.randint(channels, (1,), generator=drawn))
        kernel = (weight - weight.mean()).to(series.dtype)[None, None]
        output = (
            functional.conv1d(standard[:, channel : channel + 1], kernel, padding=padding, dilation=dilation) + bias
        )
        features += [(output > 0).float().mean(dim=(1, 2)), output.amax(dim=(1, 2))]
    return torch.stack(features, dim=1)
