"""Encoded pictures in a column: the bytes of a .jpg or .png in each cell of a Parquet file or a data frame.

A cell holds the bytes, or in Hugging Face's format a pair {bytes, path}; without bytes, the file at the path is
read, relative to the folder of the Parquet file. Rows whose cell is empty or damaged are skipped.
"""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pyarrow import compute

from counterpoint.data.arrays import numbered
from counterpoint.data.column_names import of_pictures
from counterpoint.data.frames import kind_of
from counterpoint.data.listing import Listing, in_sheet, open_file, stamp
from counterpoint.data.sheets import Sheet
from counterpoint.storage.files import expanded
from counterpoint.storage.limits import ByteFile


def picture_column(sheet: Sheet) -> str | None:
    """The column of encoded pictures to learn from, or None where there is none."""
    named = [name for name in sheet.schema.of_role("path") if name in sheet.frame.columns]
    return of_pictures([name for name in named if kind_of(sheet.cells(name)) in ("picture", "bytes")])


def of_column(sheet: Sheet, name: str) -> Listing:
    """The pictures in a column, named by their paths where those are distinct, else by their indices."""
    cells, folder = sheet.cells(name), sheet.frame.folder or Path()
    paths = compute.struct_field(cells, "path").to_pylist() if kind_of(cells) == "picture" else []
    unique = bool(paths) and all(paths) and len(set(paths)) == len(paths)
    stamps = [_stamp(cell.as_py(), folder) for cell in cells]
    where = f"{folder.resolve()}/{sheet.frame.called}" if sheet.frame.folder else json.dumps(stamps)
    photos = Listing(
        location=f"column:{hashlib.sha256(where.encode()).hexdigest()}#{name}",
        names=[str(path) for path in paths] if unique else numbered(len(cells)),
        stamps=stamps,
        reading=lambda: nullcontext(lambda place: _open_file(cells[place].as_py(), folder)),
    )
    return in_sheet(photos, sheet)


def _parts(cell: Any) -> tuple[bytes | None, str | None]:
    """The bytes in a cell, and the path."""
    return (cell.get("bytes"), cell.get("path")) if isinstance(cell, dict) else (cell, None)


def _open_file(cell: Any, folder: Path) -> ByteFile:
    """The bytes in a cell as a file, or the file that it names."""
    data, path = _parts(cell)
    if data is not None:
        return io.BytesIO(data)
    if not path:
        raise ValueError("the cell is empty")
    return open_file(folder / expanded(path))


def _stamp(cell: Any, folder: Path) -> tuple[int, int]:
    """The length of the bytes in a cell and their checksum, or the stamp of the file that it names."""
    data, path = _parts(cell)
    if data is None and path:
        return stamp(folder / expanded(path))
    return len(data or b""), zlib.crc32(data or b"")
