"""The range of pixel values from black to full brightness: stated, obvious from the data, or measured.

    brightness = (level - low) / (high - low), clipped to [0, 1]

Bytes are pixel values from 0 to 255 and stay as they are. Values of more bits are stored as they are, and scaled to
[0, 1] when they are taken, by one range for all pictures: it is chosen once, on the training data, and saved in the
model.
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
"""Pictures with their original values."""

Scale = Callable[[Levels], Tensor]
"""Converts pixel values to bytes, or to floats in [0, 1]."""

KINDS = {"uint8": "8-bit levels", "uint16": "16-bit levels", "int32": "whole numbers", "float32": "floats"}
"""Types in which pixel values are stored, by increasing depth, and their names."""

FULL = {"uint8": 255, "uint16": 65535, "int32": 255, "float32": 1}
"""Full brightness of each, where bytes have to be stored beside pictures of more bits."""

BOUNDS = (1, 255, 65535)
"""Usual values of full brightness: for floats any of them, for integers one of the last two."""

MEASURED = 500
"""Pictures that a range is measured on."""

TAIL = 1000
"""One in so many values may lie beyond a range at either end: dead and hot pixels, a speck of glare."""

SLACK = 0.01
"""The overshoot of resizing beyond full brightness or black, as a share, that is tolerated."""


@dataclass(frozen=True)
class Range:
    """The values of black and of full brightness: one pair for all bands, or one for each."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    of: str = "deep"
    """Its scope: ``all`` values (stated), ``deep`` ones, which are not bytes (measured), or, for a usual range, one of
    ``KINDS``; values of other kinds then use the usual range of their own."""

    def covers(self, kind: str) -> bool:
        """Whether values of this kind are scaled by it.

        >>> Range((0,), (1,), "float32").covers("uint16"), Range((940,), (1061,)).covers("float32")
        (False, True)
        """
        return self.of in ("all", kind) or (self.of == "deep" and kind != "uint8")

    def brightness(self, levels: Levels) -> Tensor:
        """Values as floats in [0, 1], (b, c, h, w); integers with the range 0 to 255 as bytes."""
        if (self.low, self.high) == ((0,), (255,)) and levels.dtype.kind in "iu":
            return torch.from_numpy(levels.clip(0, 255).astype(np.uint8))
        precise: Any = np.float64 if levels.dtype.itemsize > 2 and levels.dtype != np.float32 else np.float32
        low: Any = np.asarray(self.low, precise)[:, None, None]
        high: Any = np.asarray(self.high, precise)[:, None, None]
        return torch.from_numpy(((levels.astype(precise) - low) / (high - low)).clip(0, 1).astype(np.float32))

    def pixels(self, levels: Levels) -> UInt8[Tensor, "b c h w"]:
        """Values as bytes, for a model of 8-bit pictures."""
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
        """How values become brightness, in words.

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
    """The kind in which values of this type are stored.

    >>> kind_of(np.dtype("bool")), kind_of(np.dtype("uint16")), kind_of(np.dtype("int64")), kind_of(np.dtype("float16"))
    ('uint8', 'uint16', 'int32', 'float32')
    """
    if kind.kind in "iu" and kind.name not in ("uint8", "uint16"):
        return "int32"
    return "uint8" if kind == np.bool_ else "float32" if kind.kind == "f" else kind.name


def deepest(kinds: Iterable[str]) -> str:
    """The smallest kind that holds all of these.

    >>> deepest(["uint8", "float32", "uint16"])
    'float32'
    """
    return max(kinds, key=list(KINDS).index, default="uint8")


def measured(levels: Levels) -> Range:
    """The range of training data: the usual one of its type where it clearly uses that, else nearly all of its values.

    Where the bands differ much, and are not the red, green and blue of a photo, each has its own range.

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
    """The range of pictures for a model of others: the smallest usual one, or one around 0 and nearly all values."""
    low, high = _ends(levels.reshape(-1))
    bound = _usual(levels, high)
    far = bound == BOUNDS[-1] and high < bound / 2 and levels.dtype != np.uint16
    if bound is not None and not far:
        return Range((0.0,), (bound,), kind_of(levels.dtype))
    low = min(0.0, low)
    return Range((low,), (high if high > low else low + 1,))


def scale(kind: str, by: Range | None, sample: Callable[[], Levels]) -> Scale:
    """A function that scales values of this kind, given the range of a model; None for 8-bit models."""
    if by is not None and by.covers(kind):
        return by.brightness
    if kind == "uint8":
        return torch.from_numpy
    usual_range = cache(lambda: usual(sample()))
    return lambda levels: usual_range().pixels(levels) if by is None else usual_range().brightness(levels)


def kept_as(levels: Shaped[np.ndarray, "c h w"], kind: str) -> Shaped[np.ndarray, "c h w"]:
    """One picture's values among others of this kind: bytes are a share of full brightness, others unchanged.

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
    """Raise ``ValueError`` where some values are not finite."""
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
    """The number of values that may lie beyond either end: one in 1,000, and always the last one."""
    return max(count // TAIL, 1 if count >= 16 else 0)


def _usual(levels: np.ndarray, high: float) -> float | None:
    """The smallest of the usual upper bounds for nearly all values."""
    spared = _spared(levels.size)
    lowest = -SLACK * max(0.0, high)
    for bound in BOUNDS if levels.dtype.kind == "f" else BOUNDS[1:]:
        outside = (levels > bound * (1 + SLACK)) | (levels < lowest)
        if np.count_nonzero(outside) <= spared:
            return float(bound)
    return None


def _ends(values: Shaped[np.ndarray, " n"]) -> tuple[float, float]:
    """The bounds of all values except one in 1,000 at either end, and at least the last one."""
    count = values.size
    skipped = _spared(count)
    result = np.partition(values, (skipped, count - 1 - skipped))
    return float(result[skipped]), float(result[count - 1 - skipped])
