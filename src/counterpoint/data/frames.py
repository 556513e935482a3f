"""Named columns as stored: files of CSV, TSV, JSON and Parquet, data frames, dictionaries of arrays.

Nothing is converted here. Cells of text files are strings; nested fields get dotted names. ``schema`` interprets
columns and cells.

>>> frame = read_frame({"age": [31, None], "who": [{"name": "Ann"}, {"name": "Bo"}]})
>>> {name: kind_of(cells) for name, cells in frame.columns.items()}
{'age': 'integer', 'who.name': 'string'}
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Int64

from counterpoint.data.cells import Cells as Cells
from counterpoint.data.cells import as_cells, plain
from counterpoint.data.cells import is_missing as is_missing
from counterpoint.data.cells import kind_of as kind_of
from counterpoint.data.cells import values_of as values_of
from counterpoint.data.column_names import called, classes_of
from counterpoint.data.compressed_files import contents as contents
from counterpoint.data.compressed_files import member_of
from counterpoint.data.compressed_files import suffix_of as suffix_of
from counterpoint.data.delimited import read_separated
from counterpoint.data.paths import existing
from counterpoint.data.records import read_records
from counterpoint.data.tables import index_of, is_table, read_parquet, refuse_splits, rows_of, table_of
from counterpoint.data.text_encoding import decoded
from counterpoint.data.ts_files import read_ts, require_head
from counterpoint.errors import SourceError
from counterpoint.plans.data_options import AS_IT_IS, ReadOptions
from counterpoint.storage.reading_errors import door

SEPARATED = (".csv", ".tsv")
SERIES = ".ts"
TEXT = (*SEPARATED, ".jsonl", ".ndjson", ".json", SERIES)
SUFFIXES = (*TEXT, ".parquet")
INDEX = "__index_level_"  # pandas' name for an unnamed index


@dataclass(frozen=True)
class Frame:
    """Named columns, each with n cells, and how they were read."""

    columns: Mapping[str, Cells]
    called: str
    """The name of the source in messages."""
    rows: Int64[np.ndarray, " n"]
    """The index of every row in its source, counting skipped ones."""
    skipped: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()
    folder: Path | None = None
    """The folder that paths in the cells are relative to; None for the working directory."""
    semicolons: bool = False
    """Whether semicolons separate the cells, so that a comma is more likely a decimal point."""
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Class names for numbers in label columns, where the source has them."""
    index: Sequence[str] | None = None
    """Names of the rows of the source beside its columns, counting skipped ones."""

    def labels(self, name: str) -> list[Any]:
        """A column as Python objects, classes by their names."""
        return called(values_of(self.columns[name]), self.classes.get(name))

    def __len__(self) -> int:
        return len(self.rows)


def is_frame(source: object) -> bool:
    """Whether this is a path to a file of columns, a data frame (pandas, polars, pyarrow, ...) or a dataset of them."""
    if isinstance(source, str | Path):
        return _suffix(Path(source)) in SUFFIXES
    if isinstance(source, Frame):
        return True
    return is_table(source)


def _suffix(file: Path) -> str:
    """The suffix of a name, without that of its compression; for a .zip, that of its only file."""
    suffix = suffix_of(file)
    return suffix if suffix or file.suffix.lower() != ".zip" else suffix_of(member_of(file) or "")


def is_columns(source: object) -> bool:
    """Whether the source has named columns: a dictionary, a data frame, a file of columns, or a sheet of them."""
    in_memory = isinstance(source, Mapping) or rows_of(source) is not None
    return in_memory or is_frame(source) or isinstance(getattr(source, "frame", None), Frame)


@door
def read_frame(source: object, options: ReadOptions = AS_IT_IS) -> Frame:
    """The columns of a file, a data frame or a dictionary of columns.

    Raises:
        SourceError: There are none, they are damaged or of unequal length, or two have one name.
    """
    held = getattr(source, "frame", source)  # a sheet has one
    if isinstance(held, Frame):
        return held
    if isinstance(source, str | Path):
        return _of_file(existing(source), f"'{source}'", options)
    if isinstance(source, Mapping):
        refuse_splits(source)
        columns = {str(name): as_cells(values, f"Column '{name}'") for name, values in source.items()}
        if len(columns) < len(source):
            raise SourceError("The dictionary has two keys that read alike, such as 0 and '0'. Give each its own name.")
        return _framed(columns, "The dictionary")
    if is_frame(source):
        table = table_of(source)
        frame = _framed(_of_table(table, "The data frame"), "The data frame")
        return replace(frame, classes=classes_of(table), index=index_of(source))
    if (rows := rows_of(source)) is not None:
        return _framed({name: as_cells(values, f"Column '{name}'") for name, values in rows.items()}, "The source")
    raise SourceError(
        f"Columns come from a .csv, .tsv, .jsonl or .parquet file, a data frame or a dictionary. Got {source!r:.80}."
    )


def raw_columns(source: object, *, only: Collection[str] | None = None) -> dict[str, list[Any]]:
    """Columns as Python objects: strings of text files as written, None for missing cells.

    ``only`` names the requested ones, of which missing ones are ignored; all without it.

    >>> raw_columns({"id": ["007", None]})
    {'id': ['007', None]}
    """
    columns = read_frame(source).columns
    return {name: values_of(cells) for name, cells in columns.items() if only is None or name in only}


def text_in(file: Path) -> str:
    """The decompressed and decoded contents of a text file."""
    return decoded(contents(file), encoding=None, called=f"'{file.name}'")[0]


def _of_file(file: Path, called: str, options: ReadOptions) -> Frame:
    if file.is_dir() or not is_frame(file):
        raise SourceError(f"{called} is not a file of columns: expected a name that ends in {', '.join(SUFFIXES)}.")
    suffix = _suffix(file)
    if file.stat().st_size == 0:
        raise SourceError(f"{called} is empty (0 bytes). Expected a line of column names and then one line per item.")
    if suffix == ".parquet":
        table = read_parquet(file, called)
        return replace(_framed(_of_table(table, called), called), folder=file.parent, classes=classes_of(table))
    data = contents(file)
    if suffix == SERIES:
        require_head(data, called)
    text, notes = decoded(data, encoding=options.encoding, called=called)
    if suffix == SERIES:
        columns = {name: as_cells(values, f"Column '{name}'") for name, values in read_ts(text, called).items()}
        return replace(_framed(columns, called), notes=notes, folder=file.parent)
    if suffix in SEPARATED:
        read = read_separated(text, options, suffix=suffix, called=called)
        columns = _of_table(read.table, called)
        comma = read.delimiter == ";"
        rows, skipped, notes = read.rows, read.skipped, [*notes, *read.notes]
    else:
        records = read_records(text, suffix=suffix, called=called)
        columns = {name: as_cells(values, f"Column '{name}' of {called}") for name, values in records.columns.items()}
        rows, skipped, comma = records.rows, records.skipped, False
    frame = _framed(columns, called)
    return replace(frame, rows=rows, skipped=skipped, notes=notes, folder=file.parent, semicolons=comma)


def _of_table(table: Any, called: str) -> dict[str, Cells]:
    if isinstance(table, dict):
        return {name: as_cells(values, f"Column '{name}' of {called}") for name, values in table.items()}
    names = table.column_names
    kept = [place for place, name in enumerate(names) if not name.startswith(INDEX)]
    twice = sorted({names[place] for place in kept if names.count(names[place]) > 1})
    if twice:
        raise SourceError(
            f"{called} has more than one column called '{twice[0]}'. Give every column its own name; if the first line "
            "is data and holds no names, say --no-header, or --label-first where its first cell is a label."
        )
    return {names[place]: plain(table.column(place)) for place in kept}


def _flat(columns: Mapping[str, Cells], called: str) -> dict[str, Cells]:
    """The columns, with the fields of records as columns of their own: ``user.name``."""
    flat: dict[str, Cells] = {}
    for name, cells in columns.items():
        fields = _fields(name, cells)
        new = {name: cells} if fields is None else _flat(fields, called)
        twice = next((each for each in new if each in flat), None)
        if twice is not None:
            raise SourceError(f"{called} has more than one column called '{twice}'. Give every column its own name.")
        flat |= new
    return flat


def _fields(name: str, cells: Cells) -> dict[str, Cells] | None:
    """The fields of a column of records, each as a column; None of any other column."""
    if isinstance(cells, list) and all(cell is None or isinstance(cell, Mapping) for cell in cells) and any(cells):
        fields = dict.fromkeys(field for cell in cells if cell is not None for field in cell)
        values = {field: [None if cell is None else cell.get(field) for cell in cells] for field in fields}
        return {f"{name}.{field}": as_cells(held, f"Column '{name}.{field}'") for field, held in values.items()}
    if kind_of(cells) != "record":
        return None
    combined = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    return {f"{name}.{field.name}": plain(held) for field, held in zip(combined.type, combined.flatten(), strict=True)}


def _framed(columns: Mapping[str, Cells], called: str) -> Frame:
    """The columns as a frame, all rows there."""
    lengths = {name: len(cells) for name, cells in columns.items()}
    if len(set(lengths.values())) > 1:
        raise SourceError(f"{called} has columns of unequal length: {lengths}. Give every column one value per item.")
    if not lengths or not next(iter(lengths.values())):
        raise SourceError(f"{called} has no rows. Expected column names and at least one row.")
    if not (flat := _flat(columns, called)):
        raise SourceError(f"{called} holds nothing: its records have no fields. Expected columns with names.")
    return Frame(flat, called, np.arange(next(iter(lengths.values()))))
