"""Encoded pictures in a column: the bytes of a .jpg or .png in each cell of a Parquet file or a data frame.

A cell holds the bytes, or as Hugging Face writes it a pair {bytes, path}; where there are no bytes, the file at the
path counts, relative to the folder of the Parquet file. Rows whose cell is empty or damaged are skipped.
"""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from counterpoint.data.arrays import numbered
from counterpoint.data.column_names import LABELS, PICTURES, called
from counterpoint.data.decode import ByteFile, is_picture_name, opened
from counterpoint.data.frames import suffix_of
from counterpoint.data.listing import Labels, Listing, Read
from counterpoint.data.paths import expanded
from counterpoint.errors import SourceError, listed

GLANCE = 8
"""Cells that are looked at to tell whether a column holds pictures."""

ROWS = 64
"""Rows of a Parquet file that are held in memory at a time."""

BYTES = ("binary", "large_binary", "binary_view")


@dataclass(frozen=True)
class Table:
    """Columns of a Parquet file or a data frame: ``schema`` and ``rows`` of arrow, and how some columns are read."""

    schema: Any
    rows: int
    folder: Path
    """What paths in it are relative to."""
    location: str
    """The path of a file; empty in memory."""
    stamp: tuple[int, int] | None
    """The (bytes, time of change) of a file; None in memory."""
    column: Callable[[str], Any]
    """The whole of a column, or of a field ``image.path`` of one."""
    cells: Callable[[str], AbstractContextManager[Callable[[int], Any]]]
    """Opens a column for reading one cell after another."""


def table_of(source: object) -> Table | None:
    """The columns of a Parquet file or of a data frame that arrow can read; None for everything else."""
    if isinstance(source, str | Path):
        file = expanded(source)
        return _of_file(file) if suffix_of(file) == ".parquet" and file.is_file() else None
    return _of_frame(source) if hasattr(source, "columns") and hasattr(source, "__arrow_c_stream__") else None


def picture_columns(table: Table) -> list[str]:
    """The columns that hold encoded pictures, judged by the first cells that are not empty."""
    return [field.name for field in table.schema if _may_hold(field.type) and _holds(table, field.name)]


def chosen(found: Sequence[str], column: str | None) -> str | None:
    """The column asked for, if it is among those found; else the only one, or the one that is called as pictures are.

    >>> chosen(["image", "mask"], None), chosen(["left"], None), chosen(["left"], "path")
    ('image', 'left', None)

    Raises:
        SourceError: There are several, and nobody said which is meant.
    """
    if column is not None:
        return column if column in found else None
    wanted = next((name for name in PICTURES if name in found), found[0] if len(found) == 1 else None)
    if wanted is None and found:
        raise SourceError(f"Columns {listed(found)} all hold pictures. Name the one to look at with column=...")
    return wanted


def of_column(table: Table, name: str) -> Listing:
    """The pictures in a column, called by their paths where each row has its own, else by their numbers."""
    paths = _paths(table, name)
    unique = bool(paths) and all(paths) and len(set(paths)) == len(paths)
    stamps = _stamps(table, name)
    location = table.location or hashlib.sha256(json.dumps(stamps).encode()).hexdigest()
    return Listing(
        location=f"column:{location}#{name}",
        names=[str(path) for path in paths] if unique else numbered(table.rows),
        stamps=stamps,
        reading=lambda: _reading(table, name),
        labels=lambda: _labels(table, name),
    )


def _may_hold(kind: Any) -> bool:
    from pyarrow import types

    if types.is_struct(kind):
        return any(field.name == "bytes" and str(field.type) in BYTES for field in kind)
    return str(kind) in BYTES


def _holds(table: Table, name: str) -> bool:
    with table.cells(name) as cell:
        for place in range(min(table.rows, GLANCE)):
            try:
                with _opened(cell(place), table.folder) as file, opened(file):
                    return True
            except Exception:  # damaged, or none: decoders meet such bytes with any exception there is
                held = cell(place)
                if isinstance(held, dict) and is_picture_name(str(held.get("path"))):
                    return True
    return False


@contextmanager
def _reading(table: Table, name: str) -> Iterator[Read]:
    with table.cells(name) as cell:
        yield lambda place: _opened(cell(place), table.folder)


def _opened(cell: Any, folder: Path) -> ByteFile:
    """The bytes in a cell as a file, or the file that it names."""
    data, path = (cell.get("bytes"), cell.get("path")) if isinstance(cell, dict) else (cell, None)
    if data is not None:
        return io.BytesIO(data)
    if not path:
        raise ValueError("the cell is empty")
    return (folder / expanded(path)).open("rb")


def _paths(table: Table, name: str) -> list[Any]:
    """The paths that stand beside the bytes; none where the column holds bytes alone."""
    from pyarrow import types

    kind = table.schema.field(name).type
    if not (types.is_struct(kind) and any(field.name == "path" for field in kind)):
        return []
    return [None if cell is None else cell["path"] for cell in table.column(f"{name}.path").to_pylist()]


def _stamps(table: Table, name: str) -> list[tuple[int, int]]:
    if table.stamp is not None:
        return [table.stamp] * table.rows
    cells = (cell.get("bytes") if isinstance(cell, dict) else cell for cell in table.column(name).to_pylist())
    return [(len(cell or b""), zlib.crc32(cell or b"")) for cell in cells]


def _labels(table: Table, pictures: str) -> Labels:
    """What a column that is called as labels are says of each row, by name where the file names its classes."""
    from pyarrow import types

    name = next((each for each in LABELS if each in table.schema.names and each != pictures), None)
    if name is None or types.is_nested(table.schema.field(name).type):
        return None
    try:
        features = json.loads((table.schema.metadata or {})[b"huggingface"])["info"]["features"]
        classes = features[name]["names"]
    except (KeyError, TypeError, ValueError):
        classes = None
    return called(table.column(name).to_pylist(), classes)


def _of_file(file: Path) -> Table | None:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(file) as held:
            schema, rows = held.schema_arrow, held.metadata.num_rows
        stat = file.stat()
    except (pa.ArrowException, OSError):
        return None  # whoever reads its columns says so

    def column(name: str) -> Any:
        with parquet.ParquetFile(file) as held:
            return held.read(columns=[name]).column(0)

    stamp = (stat.st_size, stat.st_mtime_ns)
    return Table(schema, rows, file.parent, str(file.resolve()), stamp, column, lambda name: _file_cells(file, name))


@contextmanager
def _file_cells(file: Path, name: str) -> Iterator[Callable[[int], Any]]:
    """Reads cells in turn, some rows at a time; going back begins its group of rows anew."""
    from pyarrow import parquet

    with parquet.ParquetFile(file) as held:
        sizes = [held.metadata.row_group(group).num_rows for group in range(held.num_row_groups)]
        starts = [0, *accumulate(sizes)]
        group, first, batches = -1, 0, iter(())
        cells: list[Any] = []

        def cell(place: int) -> Any:
            nonlocal group, first, batches, cells
            wanted = bisect_right(starts, place) - 1
            if wanted != group or place < first:
                group, first, cells = wanted, starts[wanted], []
                batches = held.iter_batches(batch_size=ROWS, row_groups=[wanted], columns=[name])
            while place >= first + len(cells):
                first += len(cells)
                cells = next(batches).column(0).to_pylist()
            return cells[place - first]

        yield cell


def _of_frame(frame: Any) -> Table | None:
    import pyarrow as pa

    try:
        if hasattr(frame, "iloc") and not any(_may_hold(field.type) for field in pa.table(frame.head(ROWS)).schema):
            return None  # of a frame of pandas the whole would be converted
        table = pa.table(frame)
    except (pa.ArrowException, TypeError, ValueError):
        return None  # whoever reads its columns says so

    def column(name: str) -> Any:
        return table.column(name if name in table.column_names else name.rpartition(".")[0])

    def cells(name: str) -> AbstractContextManager[Callable[[int], Any]]:
        found = table.column(name)
        return nullcontext(lambda place: found[place].as_py())

    return Table(table.schema, table.num_rows, Path.cwd(), "", None, column, cells)
