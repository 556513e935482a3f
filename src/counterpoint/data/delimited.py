"""Files of separated values: which mark separates, whether quotation marks quote, which rows are whole.

Every cell is a string as it is written; what it means is for ``schema`` to say. A row that does not fit is left out and
named, as a broken photo is.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Int64
from pyarrow import compute
from pyarrow import csv as arrow_csv

from counterpoint.data.quotation import require_closed
from counterpoint.errors import SourceError
from counterpoint.options import DataOptions

DELIMITERS = (",", ";", "\t", "|")

NOWHERE = "\x1f"
"""A mark that occurs in no text: it separates what has a single column."""

HEAD = 64
"""Rows that are looked at to find the mark that separates."""

NUMBER = re.compile(r"\s*[+-]?(\d+([.,]\d+)*|[.,]\d+)([eE][+-]?\d+)?\s*")

LABEL = re.compile(r"[+-]?\d+(\.0+(e\+?0+)?)?")
"""A whole number, as labels are written in files of series."""

STEPS = 20
"""Columns of numbers behind a label that are likelier the steps of a series than the features of a table."""

PREAMBLE = re.compile(r"#|sep=.\s*\n", re.IGNORECASE)
"""What a line before that of names begins with."""

csv.field_size_limit(2**31 - 1)


@dataclass(frozen=True)
class Separated:
    """A table whose cells are strings, and what was left out or noticed."""

    table: Any
    rows: Int64[np.ndarray, " n"]
    """The place of every row in the file, those that are left out counted."""
    skipped: Sequence[tuple[str, str]]
    notes: Sequence[str]
    delimiter: str


@dataclass(frozen=True)
class Dialect:
    """How the cells of a file are told apart, and the names of its columns, or None where it has no line of names."""

    delimiter: str
    quoting: bool
    names: list[str] | None
    width: int
    notes: list[str] = field(default_factory=list)


def read_separated(text: str, options: DataOptions, *, suffix: str, called: str) -> Separated:
    """The rows of a file of separated values.

    Raises:
        SourceError: It is empty, most rows do not fit the line of names, or a quotation mark swallows rows.
    """
    if not text.strip():
        raise SourceError(f"{called} is empty. Expected a line of column names and then one line per item.")
    text, preamble = _without_preamble(_with_tabs(text))
    dialect = _dialect(text, options, suffix=suffix)
    dialect.notes.extend(preamble)
    table, bad = _parsed(text, dialect, called)
    if bad and len(bad) >= max(2, table.num_rows):
        dialect = _wider(dialect, bad, table.num_rows + len(bad), called)
        table, bad = _parsed(text, dialect, called)
    names = dialect.names or [str(place) for place in range(table.num_columns)]
    if names[-1] == "" and len(names) > 1 and not compute.any(compute.not_equal(table.column(-1), "")).as_py():
        table, names = table.select(range(len(names) - 1)), names[:-1]  # every line ends in the mark that separates
    if options.quoting == "auto":
        require_closed(table, bad, dialect.delimiter, called)
    before = 1 if dialect.names is None else 2  # rows are numbered from 1, and the first may hold the names
    places = [row.number - before for row in bad]
    skipped = [
        (f"row {place}", f"it has {row.actual_columns} cells, not {row.expected_columns}: {row.text[:80]}")
        for place, row in zip(places, bad, strict=True)
    ]
    rows = np.delete(np.arange(table.num_rows + len(bad)), places)
    return Separated(table.rename_columns(names), rows, skipped, dialect.notes, dialect.delimiter)


def _without_preamble(text: str) -> tuple[str, list[str]]:
    r"""The text from the line of names on, and a note on what stood before it: comments, or what Excel says separates.

    >>> _without_preamble("sep=;\na;b\n1;2")
    ('a;b\n1;2', ["a line before the names of columns is left out: 'sep=;'"])
    """
    notes = []
    while PREAMBLE.match(text):
        line, _, rest = text.partition("\n")
        if line.startswith("#") and _of_names(line, rest):
            break
        notes.append(f"a line before the names of columns is left out: {line.strip()[:40]!r}")
        text = rest
    return text, notes


def _of_names(line: str, rest: str) -> bool:
    """Whether a line that begins as a comment does holds names of columns: as many cells as the line after it."""
    after = rest.partition("\n")[0]
    return any(line.count(mark) == after.count(mark) > 0 for mark in DELIMITERS)


def _with_tabs(text: str) -> str:
    r"""Lines of numbers with blanks between them, as older files of series have, with tabs instead; others as they are.

    >>> _with_tabs("  1.0  0.5 0.25\n  2.0  1.5 1.25")
    '1.0\t0.5\t0.25\n2.0\t1.5\t1.25'
    """
    head = [line for line in itertools.islice(io.StringIO(text, newline=None), HEAD) if line.strip()]
    rows = [line.split() for line in head]
    alike = all(len(row) == len(rows[0]) > 1 and all(map(NUMBER.fullmatch, row)) for row in rows)
    if not alike or any(mark in line for line in head for mark in DELIMITERS):
        return text
    return "\n".join("\t".join(line.split()) for line in text.splitlines())


def _dialect(text: str, options: DataOptions, *, suffix: str) -> Dialect:
    """What the first rows of a file show of how it is written."""
    head = [line for line in itertools.islice(io.StringIO(text, newline=None), HEAD) if line.strip()]
    quoting = options.quoting != "none"
    delimiter = _delimiter(head, "\t" if suffix == ".tsv" else ",", quoting=quoting)
    cells = _fields(head, delimiter, quoting=quoting)
    first = cells[0]
    numbers = [place for place, cell in enumerate(first) if NUMBER.fullmatch(cell)]
    if not options.header or (options.label_first and len(numbers) >= len(first) - 1):
        return Dialect(delimiter, quoting, None, len(first))
    notes = []
    alike = [place for place in numbers if _all_numbers(cells[1:], place)]
    if alike and len(alike) >= len(first) / 2:
        shown = ", ".join(first[:4]) + (", ..." if len(first) > 4 else "")
        label = ", --label-first if every line begins with a label" if _are_labelled(cells[1:], len(alike)) else ""
        notes.append(f"the first line, {shown}, was read as names of columns; --no-header if it is data{label}")
    return Dialect(delimiter, quoting, first, len(first), notes)


def _delimiter(head: Sequence[str], usual: str, *, quoting: bool) -> str:
    """The mark that parts the line of names and, the same number of times, the most lines after it."""
    best, most = NOWHERE, (0.0, 0)
    for mark in sorted(DELIMITERS, key=lambda mark: mark != usual):
        widths = [len(row) for row in _fields(head, mark, quoting=quoting)]
        same = np.mean([width == widths[0] for width in widths])
        if widths[0] > 1 and (round(float(same), 1), widths[0]) > most:
            best, most = mark, (round(float(same), 1), widths[0])
    return best


def _fields(lines: Sequence[str], mark: str, *, quoting: bool) -> list[list[str]]:
    """The cells of some lines; the last of them may be cut inside a quoted cell."""
    reader = csv.reader(lines, delimiter=mark, quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE)
    return [row for row in reader if row]


def _all_numbers(rows: Sequence[Sequence[str]], place: int) -> bool:
    return bool(rows) and all(place < len(row) and NUMBER.fullmatch(row[place]) for row in rows)


def _are_labelled(rows: Sequence[Sequence[str]], numbers: int) -> bool:
    """Whether a few whole numbers stand before many others, as in files of the UCR archive."""
    first = {row[0].strip() for row in rows}
    return numbers > STEPS and len(first) <= max(2, len(rows) // 2) and all(LABEL.fullmatch(each) for each in first)


def _parsed(text: str, dialect: Dialect, called: str) -> tuple[Any, list[Any]]:
    """The rows that fit, as a table of strings, and those that do not."""
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
    """The dialect of a file whose rows have one cell more than its line of names: the names of rows come first, as R
    writes them, or every line ends in the mark that separates.
    """
    widths = Counter(row.actual_columns for row in bad)
    usual, times = widths.most_common(1)[0]
    if dialect.names is None or usual != dialect.width + 1 or times < 0.9 * total:
        raise SourceError(
            f"{len(bad):,} of {total:,} rows of {called} have other than {dialect.width} cells, as the first line has; "
            f"most often {usual}. Mend them, or say --quoting none where quotation marks are a part of the text."
        )
    ends = all(str(row.text).rstrip("\r\n").endswith(dialect.delimiter) for row in bad)
    names = [*dialect.names, ""] if ends else ["", *dialect.names]
    return Dialect(dialect.delimiter, dialect.quoting, names, usual, dialect.notes)
