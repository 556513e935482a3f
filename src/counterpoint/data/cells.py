"""The cells of a column: an arrow array, or a list where arrow has no type for them; and their type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import types

from counterpoint.errors import SourceError

PICTURE = frozenset({"bytes", "path"})
"""The fields of a record that is a picture, in Hugging Face's format."""

MISSING = ("NAType", "NaTType")
"""pandas' types of missing values."""

Cells = Any
"""The cells of a column: an arrow array, or, where arrow has no type for them, a list of Python objects."""


def values_of(cells: Cells) -> list[Any]:
    """The cells of a column as Python objects, None for what is missing; a NaN among numbers is missing, too."""
    values: list[Any] = cells if isinstance(cells, list) else cells.to_pylist()
    return [None if isinstance(value, float) and value != value else value for value in values]


def is_missing(value: object) -> bool:
    """Whether a value is missing: None, NaN, or pandas' missing values."""
    return value is None or (isinstance(value, float) and value != value) or type(value).__name__ in MISSING


def kind_of(cells: Cells) -> str:
    """The type of a column's cells: boolean, integer, float, string, time, numbers (a list), list, record, picture,
    bytes, empty, or mixed.
    """
    if isinstance(cells, list):
        return "mixed"
    kind = cells.type
    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        inner = kind.value_type
        return "numbers" if types.is_integer(inner) or types.is_floating(inner) else "list"
    if types.is_struct(kind):
        return "picture" if PICTURE & {field.name for field in kind} == PICTURE else "record"
    for name, test in KINDS.items():
        if test(kind):
            return name
    return "mixed"


KINDS = {
    "boolean": types.is_boolean,
    "integer": types.is_integer,
    "float": lambda kind: types.is_floating(kind) or types.is_decimal(kind),
    "string": lambda kind: types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind),
    "time": lambda kind: types.is_temporal(kind) and not types.is_interval(kind),
    "bytes": lambda kind: types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind),
    "empty": types.is_null,
}


def as_cells(values: Any, called: str) -> Cells:
    """Some values as a column; a matrix (n, t) becomes n lists.

    Raises:
        SourceError: They are not a series of values, or a sparse matrix.
    """
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if isinstance(values, str | bytes) or not hasattr(values, "__len__") or getattr(values, "ndim", 1) == 0:
        raise SourceError(f"{called} is not a series of values: it is {values!r:.60}.")
    if hasattr(values, "detach"):
        held = values.detach().cpu()
        values = (held.float() if str(held.dtype) == "torch.bfloat16" else held).numpy()
    if hasattr(values, "tocsr"):
        raise SourceError(f"{called} is a sparse matrix. Give a dense one: its toarray().")
    if isinstance(values, np.ndarray):
        values = _known(values)
    try:
        if isinstance(values, np.ndarray) and values.ndim == 2 and values.dtype.kind in "buif":
            flat = pa.array(np.ascontiguousarray(values).reshape(-1))
            return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
        return plain(pa.array(values, from_pandas=True))
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return list(values)  # of mixed types, for which arrow has none


def _known(values: np.ndarray) -> Any:
    """An array with arrow-compatible types: bytes as text, times to the second, NaN or null where masked."""
    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    values = np.asarray(values)
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.dtype.kind in "mM" and np.datetime_data(str(values.dtype))[0] not in ("s", "ms", "us", "ns"):
        values = values.astype(f"{values.dtype.kind}8[s]")
    if mask is None:
        return values
    return pa.array(values, mask=mask) if values.ndim == 1 else np.where(mask, np.nan, values.astype(np.float64))


def plain(cells: Any) -> Any:
    """Cells of arrow's built-in types, without extension types and dictionaries."""
    if isinstance(cells.type, pa.BaseExtensionType):
        cells = cells.cast(cells.type.storage_type)
    if not types.is_dictionary(cells.type):
        return cells
    if not isinstance(cells.type.value_type, pa.BaseExtensionType):
        return cells.cast(cells.type.value_type)
    held = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    values = held.dictionary.storage
    if types.is_struct(values.type):  # intervals of pandas.cut
        values = pa.array([" to ".join(map(str, each.values())) for each in values.to_pylist()], pa.string())
    return values.take(held.indices)
