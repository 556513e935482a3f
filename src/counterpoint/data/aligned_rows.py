"""As many rows out as in, where order is the key: what cannot be embedded is a row of zeros, and a warning says so.

In files and folders names are the key, and what cannot be embedded is left out.
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
    """Whether the items of a source are known by their order, as in a list or a frame, and not by names of files."""
    return not isinstance(source, str | Path)


def every_row(vectors: Float32[np.ndarray, "n d"], items: Items) -> tuple[Float32[np.ndarray, "m d"], Sequence[str]]:
    """The vectors of all that was in a source, zeros for what was skipped, and a warning; and the names of all.

    In ``ItemsInfo.skipped`` files that are none of the items may come last; ``source_count`` says then how many items
    there were.
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
    """The groups of so many rows of a source, "" of those that were skipped and of items without one."""
    info = info_of(items)
    groups = ["" if each is None else str(each) for each in info.groups or [None] * len(items)]
    if count == len(items) or info.source_rows is None:
        return groups
    aligned = [""] * count
    for row, group in zip(info.source_rows.tolist(), groups, strict=True):
        aligned[row] = group
    return aligned


def warn_of_zeros(skipped: Sequence[tuple[str, str]], count: int) -> None:
    """Say how many of so many rows are zeros, and which is the first."""
    name, why = skipped[0]
    warnings.warn(
        f"{len(skipped):,} of {count:,} items could not be embedded and count as zeros; the first is "
        f"'{visible(name)}': {visible(why)}.",
        UserWarning,
        stacklevel=5,
    )
