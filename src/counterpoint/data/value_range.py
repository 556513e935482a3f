"""Which numbers of a picture are black and which full brightness: stated, plain from the data, or measured.

    brightness = (level - low) / (high - low), clipped to [0, 1]

Bytes are levels from 0 to 255 and are left as they are. What is deeper is kept as deep as it came, and is brought to
[0, 1] when it is taken, by one range for all pictures: it is settled once, on the training data, and kept in the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Shaped, UInt8
from torch import Tensor

from counterpoint.errors import PlanError

Levels = Shaped[np.ndarray, "b c h w"]
"""Pictures as the numbers that they came as."""

Scale = Callable[[Levels], Tensor]
"""From levels to what items are taken as: bytes, or floats in [0, 1]."""

KINDS = {"uint8": "8-bit levels", "uint16": "16-bit levels", "int32": "whole numbers", "float32": "floats"}
"""What levels are kept as, from the shallowest to the deepest, and what they are called."""

FULL = {"uint8": 255, "uint16": 65535, "int32": 255, "float32": 1}
"""Full brightness of each, where bytes have to be kept beside deeper pictures."""

BOUNDS = (1, 255, 65535)
"""What full brightness usually is: of floats any of them, of whole numbers one of the last two."""

MEASURED = 500
"""Pictures that a range is measured on."""

TAIL = 1000
"""One in so many numbers may lie beyond a range at either end: dead and hot pixels, a speck of glare."""

SLACK = 0.01
"""How far beyond full brightness or black, as a share, what resizing with overshoot leaves may lie."""


@dataclass(frozen=True)
class Range:
    """The numbers that are black and full brightness: one pair for all bands, or one for each."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    of: str = "deep"
    """What it is of: ``all`` numbers (somebody said so), ``deep`` ones, which are no bytes (it was measured), or, as a
    usual range, one of ``KINDS``; numbers of other kinds then lie in the usual range of their own."""

    def covers(self, kind: str) -> bool:
        """Whether levels of this kind are read by it.

        >>> Range((0,), (1,), "float32").covers("uint16"), Range((940,), (1061,)).covers("float32")
        (False, True)
        """
        return self.of in ("all", kind) or (self.of == "deep" and kind != "uint8")

    def brightness(self, levels: Levels) -> Tensor:
        """Levels as floats in [0, 1], (b, c, h, w); whole numbers from 0 to 255 as the bytes that they are."""
        if (self.low, self.high) == ((0,), (255,)) and levels.dtype.kind in "iu":
            return torch.from_numpy(levels.clip(0, 255).astype(np.uint8))
        precise: Any = np.float64 if levels.dtype.itemsize > 2 and levels.dtype != np.float32 else np.float32
        low: Any = np.asarray(self.low, precise)[:, None, None]
        high: Any = np.asarray(self.high, precise)[:, None, None]
        return torch.from_numpy(((levels.astype(precise) - low) / (high - low)).clip(0, 1).astype(np.float32))

    def pixels(self, levels: Levels) -> UInt8[Tensor, "b c h w"]:
        """Levels as bytes, for a model of pictures of 8 bits."""
        seen = self.brightness(levels)
        return seen if seen.dtype == torch.uint8 else (seen * 255 + 0.5).to(torch.uint8)

    def described(self, kind: str) -> str:
        """The range in words.

        >>> Range((940.0,), (1061.0,)).described("uint16")
        'range 940 to 1,061 of 16-bit levels (measured; --range says otherwise)'
        """
        pairs = [f"{low:,.6g} to {high:,.6g}" for low, high in zip(self.low, self.high, strict=True)]
        band = " by band" if len(pairs) > 1 else ""
        how = {"all": "as given", "deep": "measured; --range says otherwise"}.get(self.of, "--range says otherwise")
        return f"range{band} {', '.join(pairs)} of {KINDS[kind]} ({how})"

    def recipe(self) -> str:
        """How levels become brightness, in words.

        >>> Range((0,), (4095,)).recipe()
        'less 0, divided by 4095 and clipped to [0, 1]'
        """
        less = ", ".join(f"{low:g}" for low in self.low)
        by = ", ".join(f"{high - low:.10g}" for low, high in zip(self.low, self.high, strict=True))
        each = " (each band by its own)" if len(self.low) > 1 else ""
        return f"less {less}, divided by {by}{each} and clipped to [0, 1]"


def stated(described: str) -> Range:
    """The range in an option: two numbers, or two for every band.

    >>> stated("0, 4095").high
    (4095.0,)
    """
    try:
        bounds = [float(each) for each in described.split(",")]
    except ValueError:
        bounds = []
    low, high = tuple(bounds[::2]), tuple(bounds[1::2])
    if not bounds or len(low) != len(high) or not all(a < b for a, b in zip(low, high, strict=True)):
        raise PlanError(
            f"range is the numbers of black and of full brightness, such as 0,4095, or a pair for every band. "
            f"Got '{described}'."
        )
    if not np.isfinite(bounds).all():
        raise PlanError(f"range is made of finite numbers. Got '{described}'.")
    return Range(low, high, "all")


def kind_of(kind: np.dtype) -> str:
    """What levels of this type are kept as.

    >>> kind_of(np.dtype("bool")), kind_of(np.dtype("uint16")), kind_of(np.dtype("int64")), kind_of(np.dtype("float16"))
    ('uint8', 'uint16', 'int32', 'float32')
    """
    if kind.kind in "iu" and kind.name not in ("uint8", "uint16"):
        return "int32"
    return "uint8" if kind == np.bool_ else "float32" if kind.kind == "f" else kind.name


def deepest(kinds: Iterable[str]) -> str:
    """The kind that holds all of these.

    >>> deepest(["uint8", "float32", "uint16"])
    'float32'
    """
    return max(kinds, key=list(KINDS).index, default="uint8")


def measured(levels: Levels) -> Range:
    """The range of training data: the usual one of its type where it plainly is in it, else nearly all of its numbers.

    Where the bands differ much, and are not the red, green and blue of a photo, each has a range of its own.

    >>> measured(np.linspace(940, 1061, 12_200).reshape(2, 1, 61, 100).round())
    Range(low=(940.0,), high=(1061.0,), of='deep')
    """
    bands = levels.swapaxes(0, 1).reshape(levels.shape[1], -1)
    low, high = _ends(bands.reshape(-1))
    each = [_ends(band) for band in bands] if len(bands) > 1 else [(low, high)]
    narrowest = min(last - first for first, last in each)
    apart = len(bands) > 1 and 0 < narrowest < (high - low) / 2
    bound = _usual(bands, high)
    if bound is not None and high >= bound / 2 and not (apart and len(bands) != 3):
        return Range((0.0,), (bound,), kind_of(levels.dtype))
    if apart:
        return Range(tuple(first for first, _ in each), tuple(last for _, last in each))
    if low < high:
        return Range((low,), (high,))
    return usual(levels)


def usual(levels: Levels) -> Range:
    """The range of pictures for a model of others: the smallest usual one, or what nearly all numbers and 0 lie in."""
    low, high = _ends(levels.reshape(-1))
    bound = _usual(levels, high)
    far = bound == BOUNDS[-1] and high < bound / 2 and levels.dtype != np.uint16
    if bound is not None and not far:
        return Range((0.0,), (bound,), kind_of(levels.dtype))
    low = min(0.0, low)
    return Range((low,), (high if high > low else low + 1,))


def scale(kind: str, by: Range | None, sample: Callable[[], Levels]) -> Scale:
    """How levels of this kind are taken, given the range that a model keeps; None keeps pictures of 8 bits."""
    if by is not None and by.covers(kind):
        return by.brightness
    if kind == "uint8":
        return torch.from_numpy
    usual_range = cache(lambda: usual(sample()))
    return lambda levels: usual_range().pixels(levels) if by is None else usual_range().brightness(levels)


def kept_as(levels: Shaped[np.ndarray, "c h w"], kind: str) -> Shaped[np.ndarray, "c h w"]:
    """One picture's levels among others of this kind: bytes are a share of full brightness, deeper ones numbers.

    Raises:
        ValueError: They do not fit in.
    """
    if levels.dtype == np.bool_:
        levels = levels.astype(np.uint8) * np.uint8(255)
    dtype = kind_of(levels.dtype)
    if dtype == "uint8" and kind != "uint8":
        levels = levels * (np.float32(1 / 255) if kind == "float32" else np.uint16(FULL[kind] // 255))
    elif dtype != "uint8" and kind == "uint8":
        own_range = Range((0,), (65535,)) if dtype == "uint16" else usual(levels[None])
        return own_range.pixels(levels[None])[0].numpy()
    elif dtype == "float32" and kind != "float32":
        raise ValueError(f"its levels are floats, and those of the others {KINDS[kind]}")
    elif kind in ("uint16", "int32") and dtype != kind and _beyond(levels, np.iinfo(kind)):
        raise ValueError(f"its levels go from {levels.min()} to {levels.max()}, and the others' are {KINDS[kind]}")
    return levels.astype(kind, copy=False)


def check_finite(levels: np.ndarray) -> None:
    """Raise ``ValueError`` where some numbers are none."""
    if levels.dtype.kind == "f" and not np.isfinite(levels).all():
        raise ValueError("it holds NaN or infinite numbers")


def recoloured(levels: Levels, channels: int) -> Shaped[np.ndarray, "b k h w"]:
    """Grey as colour, or colour as grey with the weights of ITU-R BT.601, as Pillow does it.

    Raises:
        ValueError: There are other bands.
    """
    bands = levels.shape[1]
    if bands == channels:
        return levels
    if bands == 1 and channels == 3:
        return np.repeat(levels, 3, axis=1)
    if bands == 3 and channels == 1:
        weights = np.array([0.299, 0.587, 0.114], np.float32)[:, None, None]
        grey: np.ndarray = (levels.astype(np.float32) * weights).sum(axis=1, keepdims=True)
        brought: np.ndarray = np.rint(grey) if levels.dtype.kind in "iu" else grey
        return brought.astype(levels.dtype)
    raise ValueError(f"it has {bands} bands, and {channels} were expected")


def _beyond(levels: np.ndarray, limits: np.iinfo) -> bool:
    return bool(levels.min() < limits.min or levels.max() > limits.max)


def _spared(count: int) -> int:
    """How many of so many numbers may lie beyond either end: one in 1,000, and always the last one."""
    return max(count // TAIL, 1 if count >= 16 else 0)


def _usual(levels: np.ndarray, high: float) -> float | None:
    """The smallest of the usual bounds that nearly all numbers lie within, which end at ``high``."""
    spared = _spared(levels.size)
    lowest = -SLACK * max(0.0, high)
    for bound in BOUNDS if levels.dtype.kind == "f" else BOUNDS[1:]:
        outside = (levels > bound * (1 + SLACK)) | (levels < lowest)
        if np.count_nonzero(outside) <= spared:
            return float(bound)
    return None


def _ends(values: Shaped[np.ndarray, " n"]) -> tuple[float, float]:
    """All numbers but one in 1,000 at either end, and always but the last one, lie between these two."""
    count = values.size
    skipped = _spared(count)
    result = np.partition(values, (skipped, count - 1 - skipped))
    return float(result[skipped]), float(result[count - 1 - skipped])
