"""The arrow table of a data frame or a dataset, by any protocol that it supports; and splits, which are refused.

Data frames (pandas, polars, pyarrow, ...) offer ``__arrow_c_stream__`` or ``__dataframe__``; datasets of Hugging Face
have ``column_names`` and ``features`` and give arrow tables by ``with_format("arrow")``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from counterpoint.data.compressed_files import contents
from counterpoint.errors import SourceError, listed
from counterpoint.storage.limits import CELLS

MEDIA = ("Image", "Audio", "Video")
"""Features of datasets that are not read as columns: pictures are taken item by item."""

PLAIN = (str, int, float, bool, np.number, np.bool_, list, tuple)
"""Types of a record's cells."""


def is_table(source: object) -> bool:
    """Whether this is a data frame of any library, or a dataset with columns and no pictures."""
    if hasattr(source, "columns"):
        return hasattr(source, "__arrow_c_stream__") or hasattr(source, "__dataframe__")
    return _is_dataset(source) and not any(type(each).__name__ in MEDIA for each in _features(source).values())


def table_of(source: Any) -> Any:
    """The columns as an arrow table, or as lists where arrow has no type for their cells."""
    if _is_dataset(source):
        return _named(source.with_format("arrow")[:], _features(source))
    from pyarrow import interchange

    try:
        if hasattr(source, "__arrow_c_stream__"):
            return pa.table(source)
        return interchange.from_dataframe(source)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as wrong:
        if not (hasattr(source, "items") and hasattr(source, "dtypes")):
            raise SourceError(f"The data frame cannot be read: {str(wrong)[:200]}.") from wrong
        columns = {str(name): series.tolist() for name, series in source.items()}
        if len(columns) < len(list(source.items())):
            twice = next(name for name in columns if list(map(str, source)).count(name) > 1)
            raise SourceError(
                f"The data frame has more than one column called '{twice}'. Give every column its own name."
            ) from wrong
        return columns  # cells of several types in one column


def index_of(source: Any) -> list[str] | None:
    """The names of the rows of a pandas data frame or column, where its index is unique and not a count.

    >>> import pandas as pd
    >>> index_of(pd.DataFrame({"x": [1, 2]}, index=["ann", "bo"])), index_of(pd.Series(["a", "b"]))
    (['ann', 'bo'], None)
    """
    index: Any = getattr(source, "index", None)
    if not hasattr(source, "iloc") or type(index).__name__ == "RangeIndex":
        return None
    names = ["/".join(map(str, each)) if isinstance(each, tuple) else str(each) for each in index]
    return names if len(set(names)) == len(names) else None


def rows_of(source: object) -> dict[str, Any] | None:
    """The columns of rows in memory: a list of records, a structured array, an array of objects or of strings."""
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


def refuse_splits(source: Mapping[Any, Any]) -> None:
    """Refuse a dictionary of splits, each with its own columns, instead of one of columns.

    >>> refuse_splits({"train": {"text": ["a"]}, "test": {"text": ["b"]}})
    Traceback (most recent call last):
    counterpoint.errors.SourceError: The source holds splits: train, test. Choose one: source['train'].
    """
    if source and all(isinstance(part, Mapping) or is_table(part) or _is_dataset(part) for part in source.values()):
        first = next(iter(source))
        raise SourceError(f"The source holds splits: {listed(source)}. Choose one: source[{first!r}].")


def _is_dataset(source: object) -> bool:
    offered = ("column_names", "features", "with_format")
    return (
        not isinstance(source, Mapping) and all(hasattr(source, name) for name in offered) and hasattr(source, "data")
    )


def _features(source: Any) -> Mapping[str, Any]:
    return source.features if isinstance(source.features, Mapping) else {}


def _named(table: Any, features: Mapping[str, Any]) -> Any:
    """The table with class indices replaced by names; -1 means no class."""
    for place, name in enumerate(table.column_names):
        classes = getattr(features.get(name), "names", None)
        if isinstance(classes, list) and pa.types.is_integer(table.column(name).type):
            codes = table.column(name).to_pylist()
            names = [None if code is None or code < 0 else classes[code] for code in codes]
            table = table.set_column(place, name, pa.array(names, pa.string()))
    return table


def read_parquet(file: Path, called: str) -> Any:
    """The arrow table of a Parquet file, possibly compressed."""
    from pyarrow import parquet

    try:
        source = file if file.suffix.lower() == ".parquet" else pa.BufferReader(contents(file))
        held = parquet.read_metadata(source)
        if held.num_rows * held.num_columns > CELLS:
            raise SourceError(f"{called} says it has {held.num_rows:,} rows, more than are read. Cut it into shards.")
        return parquet.read_table(source, partitioning=None)
    except (pa.ArrowException, OSError) as wrong:
        raise SourceError(f"{called} cannot be read: {str(wrong).rstrip('.')}. Expected a Parquet file.") from wrong
