"""Files of separated values: the separator, quoting, and which rows are well-formed.

Every cell is a string as written; ``schema`` interprets it. A malformed row is left out and reported, as a broken photo
is.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Int64
from pyarrow import compute
from pyarrow import csv as arrow_csv

from counterpoint.data.dialect import Dialect, dialect_of, with_tabs, without_preamble
from counterpoint.data.quotation import require_closed
from counterpoint.errors import SourceError
from counterpoint.plans.data_options import ReadOptions


@dataclass(frozen=True)
class Separated:
    """A table of strings, with skipped rows and notes."""

    table: Any
    rows: Int64[np.ndarray, " n"]
    """The index of every row in the file, counting skipped ones."""
    skipped: Sequence[tuple[str, str]]
    notes: Sequence[str]
    delimiter: str


def read_separated(text: str, options: ReadOptions, *, suffix: str, called: str) -> Separated:
    """The rows of a file of separated values.

    Raises:
        SourceError: It is empty, most rows do not fit the header, or a quotation mark swallows rows.
    """
    if not text.strip():
        raise SourceError(f"{called} is empty. Expected a line of column names and then one line per item.")
    text, preamble = without_preamble(with_tabs(text))
    dialect = dialect_of(text, options, suffix=suffix)
    dialect.notes.extend(preamble)
    table, bad = _parsed(text, dialect, called)
    if bad and len(bad) >= max(2, table.num_rows):
        dialect = _wider(dialect, bad, table.num_rows + len(bad), called)
        table, bad = _parsed(text, dialect, called)
    names = dialect.names or [str(place) for place in range(table.num_columns)]
    if names[-1] == "" and len(names) > 1 and not compute.any(compute.not_equal(table.column(-1), "")).as_py():
        table, names = table.select(range(len(names) - 1)), names[:-1]  # every line ends with a separator
    if options.quoting == "auto":
        require_closed(table, bad, dialect.delimiter, called)
    before = 1 if dialect.names is None else 2  # rows are numbered from 1, and the first may be the header
    places = [row.number - before for row in bad]
    skipped = [
        (f"row {place}", f"it has {row.actual_columns} cells, not {row.expected_columns}: {row.text[:80]}")
        for place, row in zip(places, bad, strict=True)
    ]
    rows = np.delete(np.arange(table.num_rows + len(bad)), places)
    return Separated(table.rename_columns(names), rows, skipped, dialect.notes, dialect.delimiter)


def _parsed(text: str, dialect: Dialect, called: str) -> tuple[Any, list[Any]]:
    """The well-formed rows as a table of strings, and the others."""
    bad: list[Any] = []

    def left_out(row: Any) -> str:
        bad.append(row)
        return "skip"

    data = text.encode("utf-8", errors="replace")
    reading = arrow_csv.ReadOptions(
        use_threads=False,
        block_size=min(max(len(data), 1 << 20), 2**31 - 1),
        column_names=[f"f{place}" for place in range(dialect.width)],
    )
    parsing = arrow_csv.ParseOptions(
        delimiter=dialect.delimiter,
        quote_char='"' if dialect.quoting else False,
        double_quote=dialect.quoting,
        newlines_in_values=dialect.quoting,
        invalid_row_handler=left_out,
    )
    typed = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(reading.column_names, pa.string()), strings_can_be_null=False
    )
    try:
        table = arrow_csv.read_csv(io.BytesIO(data), reading, parsing, typed)
    except pa.ArrowException as wrong:
        raise SourceError(
            f"{called} cannot be read: {str(wrong).rstrip('.')}. Every row needs one value per column name."
        ) from wrong
    if dialect.names is not None:
        head_fits = not (bad and bad[0].number == 1)
        table, bad = (table.slice(1), bad) if head_fits else (table, bad[1:])
    if not table.num_rows and not bad:
        raise SourceError(f"{called} has no rows. Expected a line of column names and at least one row.")
    return table, bad


def _wider(dialect: Dialect, bad: Sequence[Any], total: int, called: str) -> Dialect:
    """The dialect of a file whose rows have one cell more than its header: the names of rows come first, as R writes
    them, or every line ends with a separator.
    """
    widths = Counter(row.actual_columns for row in bad)
    usual, times = widths.most_common(1)[0]
    if dialect.names is None or usual != dialect.width + 1 or times < 0.9 * total:
        raise SourceError(
            f"{len(bad):,} of {total:,} rows of {called} have other than {dialect.width} cells, as the first line has; "
            f"most often {usual}. Mend them, or say --quoting=none where quotation marks are a part of the text."
        )
    ends = all(str(row.text).rstrip("\r\n").endswith(dialect.delimiter) for row in bad)
    names = [*dialect.names, ""] if ends else ["", *dialect.names]
    return Dialect(dialect.delimiter, dialect.quoting, names, usual, dialect.notes)
