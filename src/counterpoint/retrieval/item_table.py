"""The table of items in an index: names, labels, groups, texts and metadata columns.

A column of the source is stored as ``columns.`` and its name, so that it cannot be confused with names or labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import compute

from counterpoint.data import numbers
from counterpoint.data.frames import kind_of
from counterpoint.data.label_names import is_several, name_of
from counterpoint.data.label_sources import find_column, find_labels
from counterpoint.data.labels import of_items
from counterpoint.data.tables import read_parquet
from counterpoint.errors import InputError, LabelError, RunError
from counterpoint.interfaces import Items, info_of
from counterpoint.label_types import BETWEEN
from counterpoint.retrieval.index_record import REMEDY
from counterpoint.retrieval.item_filters import PREFIX, Columns

KNOWN = ("name", "label", "group", "text")
"""The columns of every index; empty where the source has none."""

KEPT = ("boolean", "integer", "float", "string", "time")
"""Types of columns that are stored, as a filter can compare them; not lists, records and images."""


def table_of_items(items: Items, source: object, labels: object = None) -> pa.Table:
    """The table of items, with the columns of the source; labels as ``find_labels`` reads them, or the source's own."""
    info = info_of(items)
    given = items.labels
    if labels is not None:
        read = find_labels(labels, source, items)
        given = [None if read.listed and each == -1 else each for each in of_items(read.labels, items)]
    groups = None if info.groups is None else [None if each is None else str(each) for each in info.groups]
    table = table_of_names(items.names, labels=given, groups=groups, texts=info.texts)
    if info.columns is None or info.linked is not None:
        return table
    for name, cells in info.columns.columns.items():
        values = _aligned(name, cells, source, items)
        if values is not None:
            table = table.append_column(f"{PREFIX}{name}", values)
    return table


def table_of_names(
    names: Sequence[str] | pa.Array,
    *,
    labels: Sequence[Any] | None = None,
    groups: Sequence[str | None] | None = None,
    texts: Sequence[str] | None = None,
) -> pa.Table:
    """The table of vectors without a source.

    >>> table_of_names(["a", "b"], labels=[3.0, None]).to_pylist()[0]
    {'name': 'a', 'label': '3', 'group': None, 'text': None}
    """
    held = {
        "name": names,
        "label": None if labels is None else [_label(each) for each in labels],
        "group": None if groups is None else [each or None for each in groups],
        "text": texts,
    }
    arrays = {name: pa.nulls(len(names), pa.string()) if each is None else each for name, each in held.items()}
    return pa.table({name: _strings(each) for name, each in arrays.items()})


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Several tables, concatenated; cells of columns that a table lacks are missing.

    Raises:
        InputError: A column has different types in two of them.
    """
    first, *others = tables
    for other in others:
        for name in set(first.column_names) & set(other.column_names):
            one, two = first.schema.field(name).type, other.schema.field(name).type
            if one != two and not (_is_number(one) and _is_number(two)) and pa.null() not in (one, two):
                short = name.removeprefix(PREFIX)
                raise InputError(
                    f"The column '{short}' has the type {one} in the index and {two} in the added items; give it the "
                    "same type, or leave it out."
                )
    return pa.concat_tables([first, *others], promote_options="permissive")


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def columns_of(table: pa.Table) -> Columns:
    """The columns that a filter may name; those of the source that a standard column hides keep their prefix."""
    standard = {name: table.column(name) for name in KNOWN if table.column(name).null_count < len(table)}
    others = {name.removeprefix(PREFIX): table.column(name) for name in table.column_names if name not in KNOWN}
    return {**others, **standard, **{f"{PREFIX}{name}": each for name, each in others.items() if name in standard}}


def read_items(file: Path, rows: int) -> pa.Table:
    """The table of a segment.

    Raises:
        RunError: It is damaged, or has another number of rows.
    """
    try:
        table = read_parquet(file, f"'{file}'")
        table.validate(full=True)
    except (InputError, pa.ArrowException, OSError, ValueError) as wrong:
        raise RunError(f"'{file}' is damaged: {' '.join(str(wrong).split())[:200]}") from wrong
    texts = [name for name in KNOWN if name not in table.column_names or table.schema.field(name).type != pa.string()]
    others = [name for name in table.column_names if name not in KNOWN and not _is_kept(name, table.column(name))]
    if texts or others or len(table) != rows or len(set(table.column_names)) < table.num_columns:
        raise RunError(f"'{file}' is damaged: it is no table of {rows:,} items. {REMEDY}")
    if table.column("name").null_count:
        raise RunError(f"'{file}' is damaged: some items have no name. {REMEDY}")
    return table


def _is_kept(name: str, cells: pa.ChunkedArray) -> bool:
    return name.startswith(PREFIX) and (kind_of(cells) in KEPT or pa.types.is_null(cells.type))


def _aligned(name: str, cells: Any, source: object, items: Items) -> pa.Array | None:
    """A column with one entry for each item; None where it has several, or nothing that can be compared."""
    if kind_of(cells) not in KEPT:
        return None
    try:
        values = of_items(find_column(name, source, items)[0] or [], items)
    except LabelError:  # it changes within an item
        return None
    kind = None if isinstance(cells, list) else cells.type
    try:
        column = pa.array(values, from_pandas=True) if _is_converted(kind) else pa.array(values, kind, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None
    if kind_of(column) != "string":
        return column
    read = numbers.infer(column.cast(pa.string()))
    if read is None or read.stray:
        return column.cast(pa.string())
    return pa.array(read.values, from_pandas=True)


def _is_converted(kind: Any) -> bool:
    """Whether a type has to be converted for Parquet or for comparisons."""
    return kind is None or pa.types.is_decimal(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _label(label: Any) -> str | None:
    if is_several(label):
        names = [name_of(each) for each in label]
        return BETWEEN.join(name for name in names if name is not None) or BETWEEN
    return name_of(label)


def _strings(values: Any) -> pa.Array:
    """Strings of any kind as an array of strings; characters that are not Unicode are escaped."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values.cast(pa.string())
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowException, UnicodeError, TypeError):
        return pa.array([None if each is None else _encoded(str(each)) for each in values], pa.string())


def _encoded(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def repeated_name(names: pa.ChunkedArray) -> str | None:
    """A name that occurs more than once, if any."""
    counts = compute.value_counts(names.combine_chunks())
    repeated = counts.filter(compute.greater(counts.field("counts"), 1))
    return str(repeated.field("values")[0].as_py()) if len(repeated) else None
