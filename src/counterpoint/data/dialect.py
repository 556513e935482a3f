"""How the cells of a file of text are told apart: what separates them, whether marks quote, where the names stand."""

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
"""A mark that occurs in no text: it separates what has a single column."""

BREAK = re.compile(r"\r\n?|\n")
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
class Dialect:
    """How the cells of a file are told apart, and the names of its columns, or None where it has no line of names."""

    delimiter: str
    quoting: bool
    names: list[str] | None
    width: int
    notes: list[str] = field(default_factory=list)


def without_preamble(text: str) -> tuple[str, list[str]]:
    r"""The text from the line of names on, and a note on what stood before it: comments, or what Excel says separates.

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
    """Whether a line that begins as a comment does holds names of columns: as many cells as the line after it."""
    after = rest.partition("\n")[0]
    return any(line.count(mark) == after.count(mark) > 0 for mark in DELIMITERS)


def with_tabs(text: str) -> str:
    r"""Lines of numbers with blanks between them, as older files of series have, with tabs instead; others as they are.

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
    """The first lines of a text that hold something; the rest is not looked at."""
    breaks = (each.end() for each in BREAK.finditer(text))
    end = next(itertools.islice(breaks, HEAD - 1, None), len(text))
    return [line for line in io.StringIO(text[:end], newline=None) if line.strip()]


def dialect_of(text: str, options: ReadOptions, *, suffix: str) -> Dialect:
    """What the first rows of a file show of how it is written."""
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


def _are_labelled(rows: Sequence[Sequence[str]], numeric: int) -> bool:
    """Whether a few whole numbers stand before many others, as in files of the UCR archive."""
    first = {row[0].strip() for row in rows}
    return numeric > STEPS and len(first) <= max(2, len(rows) // 2) and all(LABEL.fullmatch(each) for each in first)
