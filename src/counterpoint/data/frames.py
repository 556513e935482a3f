"""Columns with names: CSV, TSV, JSON-lines and Parquet files, data frames of any library, dictionaries of arrays.

Files of text may be packed with gzip.

>>> {name: column.tolist() for name, column in columns_of({"age": [31, None], "town": ["Ulm", None]}).items()}
{'age': [31.0, nan], 'town': ['Ulm', '']}
"""

from __future__ import annotations

import gzip
import io
import itertools
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.data.paths import existing
from counterpoint.errors import SourceError

TEXT = (".csv", ".tsv", ".jsonl", ".ndjson")
SUFFIXES = (*TEXT, ".parquet")
FEW = 64
INDEX = "__index_level_"  # what pandas calls an index that has no name of its own


def is_frame(source: object) -> bool:
    """Whether this is a path to a file of columns or a data frame (pandas, polars, pyarrow, ...)."""
    if isinstance(source, str | Path):
        return suffix_of(source) in SUFFIXES
    return hasattr(source, "columns") and (hasattr(source, "__arrow_c_stream__") or hasattr(source, "__dataframe__"))


def suffix_of(source: str | Path) -> str:
    """What the name of a file ends in, but for the .gz of a packed one.

    >>> suffix_of("sentences.tsv.gz"), suffix_of("photos.PARQUET")
    ('.tsv', '.parquet')
    """
    path = Path(source)
    return Path(path.stem if path.suffix.lower() == ".gz" else path.name).suffix.lower()


def columns_of(source: object) -> dict[str, np.ndarray]:
    """The columns of a file, a data frame or a dictionary of arrays, as ``read_columns`` gives them."""
    if isinstance(source, str | Path):
        return read_columns(source)
    if isinstance(source, Mapping):
        return _columns({str(name): _arrow(str(name), values) for name, values in source.items()}, "The dictionary")
    if is_frame(source):
        return _of_table(_table(source), "The data frame")
    raise SourceError(f"Columns come from a .csv, .tsv or .parquet file, a data frame or a dictionary. Got {source!r}.")


def read_columns(path: str | Path) -> dict[str, np.ndarray]:
    """The columns of a .csv, .tsv, .jsonl or .parquet file, each with n rows.

    Integers and truth values are int64 (n,); other numbers, and integers of which some are missing, float64
    (n,) with NaN; a Parquet column of equally long lists of numbers is float64 (n, t); everything else is an
    object array (n,) of strings in which "" stands for what is missing.
    """
    file = existing(path)
    with _advice(file):
        table = _read_parquet(file) if suffix_of(file) == ".parquet" else _read_text(file)
    return _of_table(table, f"'{path}'")


def raw_columns(source: object, *, only: Collection[str] | None = None) -> dict[str, list[Any]]:
    """The cells of the columns as they are written, None where one is missing; all of them, or those in ``only``.

    A file of text gives strings, also of numbers, so that 007 and 7 are two; in an empty cell stands "". Parquet
    files, data frames and dictionaries give values of the types that they have.
    """
    if isinstance(source, Mapping):
        columns = {str(name): values for name, values in source.items() if only is None or str(name) in only}
        return {name: _values(values) for name, values in columns.items()}
    if not isinstance(source, str | Path):
        return _cells(_table(source), only, "The data frame")
    file = existing(source)
    with _advice(file):
        if suffix_of(file) == ".parquet":
            return _cells(_read_parquet(file), only, f"'{source}'")
        if suffix_of(file) in (".csv", ".tsv"):
            return _cells(_read_strings(file), only, f"'{source}'")
        rows = [json.loads(line, parse_float=Decimal) for line in contents(file).splitlines() if line.strip()]
    names = dict.fromkeys(name for row in rows for name in row if only is None or name in only)
    return {name: [_written(row.get(name)) for row in rows] for name in names}


def _cells(table: Any, only: Collection[str] | None, called: str) -> dict[str, list[Any]]:
    names = [name for name in _names(table, called) if only is None or name in only]
    return {name: table.column(name).to_pylist() for name in names}


def _values(values: Any) -> list[Any]:
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    found: list[Any] = values.tolist() if hasattr(values, "tolist") else list(values)
    return found


def _read_strings(file: Path) -> Any:
    """A .csv or .tsv file with text in every column."""
    import pyarrow as pa
    from pyarrow import csv

    data = contents(file)
    reading = csv.ReadOptions(use_threads=False, block_size=min(max(len(data), 1 << 20), 2**31 - 1))
    names = _read_text(file, rows=1).column_names
    converting = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    return csv.read_csv(io.BytesIO(data), reading, _dialect(file, data), converting)


def _written(cell: Any) -> Any:
    """A cell of a line of JSON as it stands there."""
    if isinstance(cell, list):
        return [float(each) if isinstance(each, Decimal) else each for each in cell]
    if isinstance(cell, bool):
        return json.dumps(cell)
    return str(cell) if isinstance(cell, Decimal) else cell


def glance(source: object) -> dict[str, np.ndarray]:
    """The columns of the first rows of a file or a data frame: what it holds, without reading all of it."""
    if not isinstance(source, str | Path):
        return _of_table(_table(source).slice(0, FEW), "The data frame")
    file = existing(source)
    with _advice(file):
        table = _first_of_parquet(file) if suffix_of(file) == ".parquet" else _read_text(file, rows=FEW)
    return _of_table(table, f"'{source}'")


@contextmanager
def _advice(file: Path) -> Iterator[None]:
    """Turn what pyarrow says about a file into advice."""
    import pyarrow as pa

    if suffix_of(file) not in SUFFIXES or file.is_dir():
        raise SourceError(f"'{file}' is not a file of columns: expected a name that ends in {', '.join(SUFFIXES)}.")
    if file.stat().st_size == 0:
        raise SourceError(f"'{file}' is empty (0 bytes). Expected a line of column names and then one line per item.")
    try:
        yield
    except (pa.ArrowException, OSError, EOFError, json.JSONDecodeError, UnicodeDecodeError) as wrong:
        said = str(wrong).rstrip(".")
        raise SourceError(f"'{file}' cannot be read: {said}. Every row needs one value per column name.") from wrong


def _read_parquet(file: Path) -> Any:
    from pyarrow import parquet

    return parquet.read_table(file, partitioning=None)


def _first_of_parquet(file: Path) -> Any:
    import pyarrow as pa
    from pyarrow import parquet

    with parquet.ParquetFile(file) as opened:
        return pa.Table.from_batches(itertools.islice(opened.iter_batches(batch_size=FEW), 1), opened.schema_arrow)


def _read_text(file: Path, rows: int | None = None) -> Any:
    """All rows of a file of text, or the first ones, as one block: a column's type is guessed from the first block."""
    from pyarrow import csv, json

    data = contents(file) if rows is None else _head(file, rows)
    block = min(max(len(data), 1 << 20), 2**31 - 1)
    if suffix_of(file) in (".csv", ".tsv"):
        reading = csv.ReadOptions(use_threads=False, block_size=block)
        return csv.read_csv(io.BytesIO(data), read_options=reading, parse_options=_dialect(file, data))
    return json.read_json(io.BytesIO(data), read_options=json.ReadOptions(use_threads=False, block_size=block))


def contents(file: Path) -> bytes:
    """What is in a file, unpacked if it is packed with gzip."""
    with _unpacked(file) as opened:
        return bytes(opened.read())


def _head(file: Path, rows: int) -> bytes:
    """The line of names and so many others; a cell with a new line in it may be cut, where quotes close it again."""
    with _unpacked(file) as opened:
        data = b"".join(itertools.islice(opened, rows + 1))
        while data.count(b'"') % 2 and (more := opened.readline()):
            data += more
    return data


def _unpacked(file: Path) -> Any:
    return gzip.open(file) if file.suffix.lower() == ".gz" else file.open("rb")


def _dialect(file: Path, data: bytes) -> Any:
    """Tabs in a .tsv, else commas, or semicolons where the line of names has those only."""
    from pyarrow import csv

    header = data.partition(b"\n")[0]
    comma = ";" if b";" in header and b"," not in header else ","
    return csv.ParseOptions(delimiter="\t" if suffix_of(file) == ".tsv" else comma, newlines_in_values=True)


def _table(frame: Any) -> Any:
    """The arrow table of a data frame, by whichever of the two protocols it offers."""
    import pyarrow as pa
    from pyarrow import interchange

    if hasattr(frame, "__arrow_c_stream__"):
        return pa.table(frame)
    return interchange.from_dataframe(frame)


def _arrow(name: str, values: Any) -> Any:
    """One column of a dictionary; a matrix (n, t) becomes n lists."""
    import pyarrow as pa

    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    try:
        if isinstance(values, np.ndarray) and values.ndim == 2:
            flat = pa.array(np.ascontiguousarray(values).reshape(-1))
            return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
        return pa.array(values)
    except (pa.ArrowException, TypeError) as wrong:
        raise SourceError(f"Column '{name}' is not a series of numbers or of strings: {wrong}.") from wrong


def _of_table(table: Any, called: str) -> dict[str, np.ndarray]:
    return _columns({name: table.column(name) for name in _names(table, called)}, called)


def _names(table: Any, called: str) -> list[str]:
    """The names of the columns, each of which stands there once."""
    names = [name for name in table.column_names if not name.startswith(INDEX)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(f"{called} has more than one column called '{twice[0]}'. Give every column its own name.")
    return names


def _columns(columns: Mapping[str, Any], called: str) -> dict[str, np.ndarray]:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise SourceError(f"{called} has columns of unequal length: {lengths}. Give every column one value per item.")
    if not lengths or not next(iter(lengths.values())):
        raise SourceError(f"{called} has no rows. Expected column names and at least one row.")
    return {name: _column(name, column, called) for name, column in columns.items()}


def _column(name: str, column: Any, called: str) -> np.ndarray:
    from pyarrow import types

    kind = column.type
    if types.is_dictionary(kind):
        return _column(name, column.cast(kind.value_type), called)
    if types.is_boolean(kind) or types.is_integer(kind):
        whole = column.null_count == 0 and not types.is_uint64(kind)
        return _numbers(column.cast("int8") if types.is_boolean(kind) else column, "int64" if whole else "float64")
    if types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind):
        return _numbers(column, "float64")
    if _is_series(kind):
        return _series(name, column, called)
    if types.is_temporal(kind):
        column = column.cast("string")
    if types.is_binary(kind) and called.lower().endswith((".csv'", ".tsv'")):
        raise SourceError(f"Column '{name}' of {called} is not UTF-8 text. Save the file as UTF-8.")
    cells = np.empty(len(column), dtype=object)
    cells[:] = ["" if cell is None else cell for cell in column.to_pylist()]
    return cells


def _numbers(column: Any, kind: str) -> np.ndarray:
    numbers: np.ndarray = column.cast(kind, safe=False).to_numpy(zero_copy_only=False)
    return numbers


def _is_series(kind: Any) -> bool:
    from pyarrow import types

    several = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(several and (types.is_integer(kind.value_type) or types.is_floating(kind.value_type)))


def _series(name: str, column: Any, called: str) -> np.ndarray:
    """A column of lists as a matrix (n, t)."""
    from pyarrow import compute

    lengths = np.asarray(compute.fill_null(compute.list_value_length(column), -1))
    if lengths.min() != lengths.max() or lengths.min() < 1:
        odd = int(np.argmax(lengths != lengths[0]))
        raise SourceError(
            f"Column '{name}' of {called} is ragged: row 0 holds {max(lengths[0], 0)} numbers, row {odd} "
            f"{max(lengths[odd], 0)}. Expected equally many in every row; cut or pad them first."
        )
    return _numbers(compute.list_flatten(column), "float64").reshape(len(column), -1)
