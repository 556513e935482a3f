"""Row alignment for data in memory: items that cannot be embedded become rows of zeros, with a warning.

In files and folders items are identified by name, and those that cannot be embedded are left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from counterpoint.errors import visible
from counterpoint.interfaces import Items, info_of


def in_memory(source: object) -> bool:
    """Whether the items of a source are identified by order, as in a list or a frame, and not by file names."""
    return not isinstance(source, str | Path)


def every_row(vectors: Float32[np.ndarray, "n d"], items: Items) -> tuple[Float32[np.ndarray, "m d"], Sequence[str]]:
    """The vectors of all items of a source, with zeros for skipped ones and a warning; and all names.

    The last entries of ``ItemsInfo.skipped`` may be files that are not items; ``source_count`` is the number of
    items.
    """
    info = info_of(items)
    skipped, rows = info.skipped, info.source_rows
    if not len(skipped) or rows is None:
        return vectors, items.names
    count = len(items) + len(skipped) if info.source_count is None else info.source_count
    skipped = skipped[: count - len(items)]
    if not skipped:
        return vectors, items.names
    aligned = np.zeros((count, vectors.shape[1]), dtype=np.float32)
    aligned[rows] = vectors
    names = np.empty(count, dtype=object)
    names[rows] = list(items.names)
    names[np.setdiff1d(np.arange(count), rows)] = [name for name, _ in skipped]
    warn_of_zeros(skipped, count)
    return aligned, names.tolist()


def every_group(items: Items, count: int) -> list[str]:
    """The groups of ``count`` rows of a source, "" for skipped ones and for items without a group."""
    info = info_of(items)
    groups = ["" if each is None else str(each) for each in info.groups or [None] * len(items)]
    if count == len(items) or info.source_rows is None:
        return groups
    aligned = [""] * count
    for row, group in zip(info.source_rows.tolist(), groups, strict=True):
        aligned[row] = group
    return aligned


def warn_of_zeros(skipped: Sequence[tuple[str, str]], count: int) -> None:
    """Warn how many rows are zeros, and which is the first."""
    name, why = skipped[0]
    warnings.warn(
        f"{len(skipped):,} of {count:,} items could not be embedded and count as zeros; the first is "
        f"'{visible(name)}': {visible(why)}.",
        UserWarning,
        stacklevel=5,
    )
