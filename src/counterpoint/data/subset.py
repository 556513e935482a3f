"""A subset of the items of a source, as items."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64
from PIL import Image

from counterpoint.interfaces import Batch, HasOriginals, Items, ItemsInfo, info_of


class Subset:
    """Items seen through a list of indices."""

    def __init__(self, items: Items, rows: Int64[np.ndarray, " n"]) -> None:
        self._items, self._rows = items, rows
        self.names = [items.names[row] for row in rows]
        self.labels = None if items.labels is None else [items.labels[row] for row in rows]
        info = info_of(items)
        self.info = ItemsInfo(
            groups=None if info.groups is None else [info.groups[row] for row in rows],
            texts=None if info.texts is None else [info.texts[row] for row in rows],
        )

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, index: Int64[np.ndarray, " b"]) -> Batch:
        return self._items.take(self._rows[index])

    def originals(self, index: Int64[np.ndarray, " b"], side: int) -> Sequence[Image.Image | None]:
        """Their pictures at original size; None where there are none."""
        held = self._items
        return held.originals(self._rows[index], side) if isinstance(held, HasOriginals) else [None] * len(index)


def spread(count: int, most: int) -> Int64[np.ndarray, " n"]:
    """At most ``most`` of ``count`` indices, evenly spread.

    >>> spread(9, 3).tolist()
    [0, 4, 8]
    """
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
