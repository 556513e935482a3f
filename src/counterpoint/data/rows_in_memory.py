"""Rows that lie in memory as columns: a list of records, a structured array, an array of objects or of strings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

PLAIN = (str, int, float, bool, np.number, np.bool_, list, tuple)
"""What a cell of a record may be."""


def rows_of(source: object) -> dict[str, Any] | None:
    """The columns of rows in memory; None of any other source."""
    if isinstance(source, np.ndarray):
        if source.dtype.names is not None and source.ndim == 1:
            return {name: source[name] for name in source.dtype.names}
        if source.ndim == 2 and source.dtype.kind in "OUS" and not _are_numbers(source):
            return {str(place): column.tolist() for place, column in enumerate(source.T)}
        return None
    if isinstance(source, list | tuple) and source and all(isinstance(each, Mapping) for each in source):
        names = dict.fromkeys(name for record in source for name in record)
        plain = all(value is None or isinstance(value, PLAIN) for record in source for value in record.values())
        return {str(name): [record.get(name) for record in source] for name in names} if plain else None
    return None


def _are_numbers(array: np.ndarray) -> bool:
    return array.dtype == object and all(isinstance(cell, float | int | np.number | None) for cell in array.flat)
