"""Slight changes that make near-duplicates: what uploads, spreadsheets or typing errors do to a copy.

They are planted among the items to learn how similar copies are to them (``retrieval.planted_copies``).
"""

from __future__ import annotations

import io
import string
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int64
from PIL import Image
from torch import Tensor
from torch.nn import functional

from counterpoint import rng
from counterpoint.views.series_steps import lengths, resampled

QUALITIES = (95, 75, 50)
"""The JPEG qualities of copies of pictures."""

SMALLER, CUT, DARKER, BRIGHTER = 0.9, 0.03, 0.92, 1.08
"""The side of a shrunk copy, the largest share cut off at each edge, and factors of brightness."""

SLOWER = 0.9
"""The sampling rate of a resampled copy of a series, of its own."""

STEP, NOISE = 0.05, 0.02
"""The rounding of values, and the noise on them, in standard deviations of their column or channel."""


def pictures(batch: Float[Tensor, "b c h w"], key: Int64[Tensor, " b"]) -> tuple[Float[Tensor, "b c h w"], ...]:
    """Pictures in [0, 1] as JPEG of three qualities, shrunk and resized back, cropped, darker and brighter.

    Without three bands, each band is written as a grey picture.
    """
    height, width = batch.shape[2:]
    small = (max(1, round(SMALLER * height)), max(1, round(SMALLER * width)))
    shrunk = functional.interpolate(batch, small, mode="bilinear", antialias=True, align_corners=False)
    return (
        *(torch.stack([_jpeg(each, quality) for each in batch.cpu()]).to(batch.device) for quality in QUALITIES),
        functional.interpolate(shrunk, (height, width), mode="bilinear", align_corners=False),
        _cut(batch, key),
        batch * DARKER,
        (batch * BRIGHTER).clamp(max=1),
    )


def _jpeg(picture: Float[Tensor, "c h w"], quality: int) -> Float[Tensor, "c h w"]:
    levels = (picture * 255).round().to(torch.uint8).numpy()
    shots = [levels.transpose(1, 2, 0)] if len(levels) == 3 else list(levels)
    read = []
    for shot in shots:
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(shot)).save(file, "JPEG", quality=quality)
        read.append(np.asarray(Image.open(file)))
    again = read[0].transpose(2, 0, 1) if len(levels) == 3 else np.stack(read)
    return torch.from_numpy(np.ascontiguousarray(again)).float() / 255


def _cut(batch: Float[Tensor, "b c h w"], key: Int64[Tensor, " b"]) -> Float[Tensor, "b c h w"]:
    """Up to ``CUT`` of every side is cropped, and the rest is resized to the original size."""
    shift = rng.uniform(key, 2, "cut", low=-CUT, high=CUT).to(batch.device)
    theta = torch.zeros(len(batch), 2, 3, device=batch.device)
    theta[:, 0, 0] = theta[:, 1, 1] = 1 - CUT
    theta[:, :, 2] = shift
    grid = functional.affine_grid(theta, list(batch.shape), align_corners=False)
    return functional.grid_sample(batch, grid, mode="bilinear", padding_mode="border", align_corners=False)


def numbers(values: Float[Tensor, "b *shape"], key: Int64[Tensor, " b"]) -> tuple[Float[Tensor, "b *shape"], ...]:
    """Standardised values, rounded; and with a little noise.

    >>> rounded, noisy = numbers(torch.tensor([[0.52, -1.0]]), torch.tensor([7]))
    >>> rounded.tolist(), bool((noisy - torch.tensor([[0.52, -1.0]])).abs().max() < 0.1)
    ([[0.5, -1.0]], True)
    """
    noise = rng.normal(key, values[0].numel(), "noise").to(values.device).reshape(values.shape)
    return (values / STEP).round() * STEP, values + NOISE * noise


def resampled_back(series: Float[Tensor, "b c t"]) -> Float[Tensor, "b c t"]:
    """Series resampled to nine tenths of their steps and back, as a change of the sampling rate does.

    >>> resampled_back(torch.tensor([[[0.0, 1.0, 2.0, torch.nan]]])).tolist()
    [[[0.0, 1.0, 2.0, nan]]]
    """
    steps, width = lengths(series), series.shape[2]
    fewer = (SLOWER * steps).round().long().clamp(min=1)
    return resampled(resampled(series, fewer, width=width), steps, width=width, span=(fewer - 1)[:, None].float())


def sentences(texts: Sequence[str], key: Int64[Tensor, " b"]) -> tuple[list[str], ...]:
    """Texts in capitals; with other spaces; with other punctuation; with a typing error; without a word.

    >>> [each[0] for each in sentences(["where is it?"], torch.tensor([3]))][:3]
    ['WHERE IS IT?', ' where  is  it? ', 'where is it']
    """
    place = rng.uniform(key, 2, "place").tolist()
    return (
        [text.upper() for text in texts],
        [f" {'  '.join(text.split())} " for text in texts],
        [_punctuated(text) for text in texts],
        [_mistyped(text, drawn) for text, (drawn, _) in zip(texts, place, strict=True)],
        [_shortened(text, drawn) for text, (_, drawn) in zip(texts, place, strict=True)],
    )


def _punctuated(text: str) -> str:
    bare = text.rstrip(string.punctuation + " ")
    return bare if bare not in ("", text) else f"{text}."


def _mistyped(text: str, drawn: float) -> str:
    """Two adjacent letters are swapped."""
    places = [i for i in range(len(text) - 1) if text[i] != text[i + 1] and (text[i : i + 2]).isalpha()]
    if not places:
        return text
    i = places[int(drawn * len(places))]
    return f"{text[:i]}{text[i + 1]}{text[i]}{text[i + 2 :]}"


def _shortened(text: str, drawn: float) -> str:
    """One word is removed, where there are at least three."""
    words = text.split()
    if len(words) > 2:
        del words[int(drawn * len(words))]
    return " ".join(words)
