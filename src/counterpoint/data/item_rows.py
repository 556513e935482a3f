"""From the name of an item, as the user wrote it, to its row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from counterpoint.interfaces import Items, info_of


def row_finder(items: Items) -> Callable[[str], int | None]:
    """A function from a name to the row of that item, or None.

    Rows of an array are named by their indices, such as 007, and found with or without leading zeros. All other names
    are strings, of which 007 and 7 are different.
    """
    place = {name: row for row, name in enumerate(items.names)}
    rows = info_of(items).source_rows
    positions = {int(row): position for position, row in enumerate(np.arange(len(items)) if rows is None else rows)}
    counted = all(name.isdecimal() for name in place) and list(map(int, place)) == list(positions)

    def find(name: str) -> int | None:
        if name in place or not counted or not name.isdecimal():
            return place.get(name)
        return positions.get(int(name))

    return find
