"""Quotation marks that open a cell and close it rows later: what is between them is rows, not part of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyarrow import compute

from counterpoint.errors import SourceError

LOOSE = 0.5
"""Share of the multi-line cells that look like rows, from which on commas in them are not part of a text."""


def require_closed(table: Any, bad: Sequence[Any], delimiter: str, called: str) -> None:
    """Refuse to guess where a quotation mark swallows rows.

    A multi-line cell does that if its first line continues as its row would, its last one as another row would begin,
    and all lines in between are complete rows. Where tabs or bars separate, one such cell is enough, as they are
    rarely part of a text; where commas do, half of all multi-line cells. A row that does not fit does so if a complete
    row is among its lines.

    Raises:
        SourceError: One does; the message says where, and what to do.
    """
    width = table.num_columns
    if width < 2:
        return
    for row in bad:
        lines = str(row.text).split("\n")[1:]
        if any(line.count(delimiter) >= width - 1 for line in lines):
            raise _advice(called, f"row {row.number}", len(lines) + 1)
    several, swallowing, first = 0, 0, ("", 0)
    for place, column in enumerate(table.columns):
        for row in compute.indices_nonzero(compute.match_substring(column, "\n")).to_pylist():
            lines = column[row].as_py().split("\n")
            several += 1
            if _goes_on(lines, delimiter, place, width):
                swallowing += 1
                first = first if swallowing > 1 else (f"row {row}", len(lines))
    loose = delimiter in ("\t", "|") or swallowing >= LOOSE * several
    if swallowing and loose:
        raise _advice(called, *first)


def _goes_on(lines: Sequence[str], delimiter: str, place: int, width: int) -> bool:
    """Whether the lines of a cell are the end of its row, complete rows, and the beginning of another."""
    counts = [line.count(delimiter) for line in lines]
    return counts[0] == width - 1 - place and counts[-1] == place and all(each == width - 1 for each in counts[1:-1])


def _advice(called: str, where: str, lines: int) -> SourceError:
    return SourceError(
        f"In {where} of {called} a quotation mark opens a cell that goes on for {lines} lines, which look like rows. "
        "Say --quoting=none if quotation marks are a part of the text, --quoting=standard if the cell is one text all "
        "the same, or mend the file: double the marks inside quoted cells."
    )
