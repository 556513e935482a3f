"""The dialect of a file of separated values: separator, quoting, header."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from counterpoint.plans.data_options import ReadOptions

DELIMITERS = (",", ";", "\t", "|")

NOWHERE = "\x1f"
"""A character that occurs in no text, as the separator of a single column."""

BREAK = re.compile(r"\r\n?|\n")
HEAD = 64
"""Rows that are examined to find the separator."""

NUMBER = re.compile(r"\s*[+-]?(\d+([.,]\d+)*|[.,]\d+)([eE][+-]?\d+)?\s*")

LABEL = re.compile(r"[+-]?\d+(\.0+(e\+?0+)?)?")
"""An integer, as labels are written in files of series."""

STEPS = 20
"""Columns of numbers after a label that are more likely steps of a series than features of a table."""

PREAMBLE = re.compile(r"#|sep=.\s*\n", re.IGNORECASE)
"""The beginning of a comment line before the header."""

csv.field_size_limit(2**31 - 1)


@dataclass(frozen=True)
class Dialect:
    """The dialect of a file, and the names of its columns, or None without a header."""

    delimiter: str
    quoting: bool
    names: list[str] | None
    width: int
    notes: list[str] = field(default_factory=list)


def without_preamble(text: str) -> tuple[str, list[str]]:
    r"""The text from the header on, and a note on what precedes it: comments, or Excel's separator line.

    >>> without_preamble("sep=;\na;b\n1;2")
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
    """Whether a line that begins as a comment is the header: it has as many cells as the next line."""
    after = rest.partition("\n")[0]
    return any(line.count(mark) == after.count(mark) > 0 for mark in DELIMITERS)


def with_tabs(text: str) -> str:
    r"""Lines of numbers separated by blanks, as in older files of series, with tabs instead; others unchanged.

    >>> with_tabs("  1.0  0.5 0.25\n  2.0  1.5 1.25")
    '1.0\t0.5\t0.25\n2.0\t1.5\t1.25'
    """
    head = _head(text)
    rows = [line.split() for line in head]
    alike = all(len(row) == len(rows[0]) > 1 and all(map(NUMBER.fullmatch, row)) for row in rows)
    if not alike or any(mark in line for line in head for mark in DELIMITERS):
        return text
    return "\n".join("\t".join(line.split()) for line in text.splitlines())


def _head(text: str) -> list[str]:
    """The first non-empty lines of a text; the rest is not examined."""
    breaks = (each.end() for each in BREAK.finditer(text))
    end = next(itertools.islice(breaks, HEAD - 1, None), len(text))
    return [line for line in io.StringIO(text[:end], newline=None) if line.strip()]


def dialect_of(text: str, options: ReadOptions, *, suffix: str) -> Dialect:
    """The dialect inferred from the first rows of a file."""
    head = _head(text)
    quoting = options.quoting != "none"
    delimiter = _delimiter(head, "\t" if suffix == ".tsv" else ",", quoting=quoting)
    cells = _fields(head, delimiter, quoting=quoting)
    first = cells[0]
    numeric = [place for place, cell in enumerate(first) if NUMBER.fullmatch(cell)]
    if not options.header or (options.label_first and len(numeric) >= len(first) - 1):
        return Dialect(delimiter, quoting, None, len(first))
    notes = []
    alike = [place for place in numeric if _all_numbers(cells[1:], place)]
    if alike and len(alike) >= len(first) / 2:
        shown = ", ".join(first[:4]) + (", ..." if len(first) > 4 else "")
        label = ", --label-first if every line begins with a label" if _are_labelled(cells[1:], len(alike)) else ""
        notes.append(f"the first line, {shown}, was read as names of columns; --no-header if it is data{label}")
    return Dialect(delimiter, quoting, first, len(first), notes)


def _delimiter(head: Sequence[str], usual: str, *, quoting: bool) -> str:
    """The separator that splits the header and most of the next lines into the same number of cells."""
    best, most = NOWHERE, (0.0, 0)
    for mark in sorted(DELIMITERS, key=lambda mark: mark != usual):
        widths = [len(row) for row in _fields(head, mark, quoting=quoting)]
        same = np.mean([width == widths[0] for width in widths])
        if widths[0] > 1 and (round(float(same), 1), widths[0]) > most:
            best, most = mark, (round(float(same), 1), widths[0])
    return best


def _fields(lines: Sequence[str], mark: str, *, quoting: bool) -> list[list[str]]:
    """The cells of some lines; the last may be cut inside a quoted cell."""
    reader = csv.reader(lines, delimiter=mark, quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE)
    return [row for row in reader if row]


def _all_numbers(rows: Sequence[Sequence[str]], place: int) -> bool:
    return bool(rows) and all(place < len(row) and NUMBER.fullmatch(row[place]) for row in rows)


def _are_labelled(rows: Sequence[Sequence[str]], numeric: int) -> bool:
    """Whether a few integers precede many other numbers, as in files of the UCR archive."""
    first = {row[0].strip() for row in rows}
    return numeric > STEPS and len(first) <= max(2, len(rows) // 2) and all(LABEL.fullmatch(each) for each in first)
