"""Rows as a file of separated values, exact for programs, or safe for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""First characters of cells that a spreadsheet would evaluate."""


def separated(rows: Iterable[Sequence[str]], *, spreadsheet_safe: bool = False) -> str:
    r"""The rows, separated by commas; ``spreadsheet_safe`` puts ' before cells that would be formulas.

    >>> separated([["name", "label"], ["=1+1", "so, so"]], spreadsheet_safe=True).splitlines()
    ['name,label', '\'=1+1,"so, so"']
    """
    text = io.StringIO()
    safe = ([f"'{cell}" if cell.startswith(FORMULAS) else cell for cell in row] for row in rows)
    csv.writer(text, lineterminator="\n").writerows(safe if spreadsheet_safe else rows)
    return text.getvalue()
