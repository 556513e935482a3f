"""Rows as a file of separated values, for programs as they are, or made safe for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would compute, whoever wrote it."""


def separated(rows: Iterable[Sequence[str]], *, spreadsheet_safe: bool = False) -> str:
    r"""The rows with commas between their cells; ``spreadsheet_safe`` puts ' before what would be a formula.

    >>> separated([["name", "label"], ["=1+1", "so, so"]], spreadsheet_safe=True).splitlines()
    ['name,label', '\'=1+1,"so, so"']
    """
    text = io.StringIO()
    safe = ([f"'{cell}" if cell.startswith(FORMULAS) else cell for cell in row] for row in rows)
    csv.writer(text, lineterminator="\n").writerows(safe if spreadsheet_safe else rows)
    return text.getvalue()
