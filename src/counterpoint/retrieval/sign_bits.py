"""Sign bits of rotated vectors, packed into words, and the Hamming distance between them."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float32, Integer, UInt64


def padded(length: int) -> int:
    """The number of sign bits of a vector: whole words of 64."""
    return -(-length // 64) * 64


def rotated(length: int, bits: int, random: np.random.Generator) -> Float32[np.ndarray, "{length} {bits}"]:
    """A random rotation, or its first rows where there are more sign bits than dimensions."""
    turned, _ = np.linalg.qr(random.normal(size=(bits, bits)))
    return np.ascontiguousarray(turned[:length], dtype=np.float32)


def packed(turned: Float32[np.ndarray, "m w"]) -> UInt64[np.ndarray, "m _"]:
    """Sign bits, 64 to a word.

    >>> packed(np.ones((1, 64), dtype=np.float32)).tolist() == [[2**64 - 1]]
    True
    """
    return np.packbits(turned > 0, axis=1, bitorder="little").view(np.uint64)


def bit_counts(words: UInt64[np.ndarray, "m w"]) -> Integer[np.ndarray, " m"]:
    """The number of bits set in every row.

    >>> bit_counts(np.array([[3, 2**63], [0, 0]], dtype=np.uint64)).tolist()
    [3, 0]
    """
    counts: Any = np.bitwise_count(words) if hasattr(np, "bitwise_count") else _counted(words)
    total = counts[:, 0].astype(np.intp)
    for column in range(1, counts.shape[1]):
        total += counts[:, column]
    return total  # type: ignore[no-any-return]


def _counted(words: UInt64[np.ndarray, "m w"]) -> Integer[np.ndarray, "m w"]:
    """The same for NumPy before 2.0: all bits at once, in pairs, fours and bytes (Warren, Hacker's Delight, 5-2)."""
    one, two, four = (np.uint64(mask) for mask in (0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F))
    words = words - ((words >> np.uint64(1)) & one)
    words = (words & two) + ((words >> np.uint64(2)) & two)
    words = (words + (words >> np.uint64(4))) & four
    return (words * np.uint64(0x0101010101010101)) >> np.uint64(56)
