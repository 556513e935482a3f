"""Files of series in the format of the UEA archive and sktime (.ts): a header of @-lines, then one series per line.

    @problemName Gestures
    @dimensions 2
    @classLabel true up down
    @data
    0.1,0.2,0.3:5,?,7:up

Colons separate the dimensions, and the class comes last. Every dimension becomes a column of lists. TypeScript and
MPEG files have the same suffix and are refused.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float64

from counterpoint.errors import SourceError, closest, listed

HEAD = (
    *("problemname", "timestamps", "missing", "univariate", "dimension", "dimensions", "equallength", "serieslength"),
    *("classlabel", "targetlabel", "data"),
)

LABEL, TARGET = "label", "target"
"""Names of the columns of classes and of regression targets, which the files do not name."""


Columns = dict[str, Float64[np.ndarray, "n t"] | list[Any]]
"""Columns of series, a matrix or, where lengths differ, a list of them; and of classes."""


@dataclass
class Head:
    """The relevant fields of a file's header."""

    dimensions: int | None = None
    label: str | None = None
    classes: list[str] = field(default_factory=list)


def require_head(data: bytes, called: str) -> None:
    """Refuse a file that cannot have this format, before it is read as text.

    Raises:
        SourceError: It begins otherwise.
    """
    begin = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:24]
    if begin[:1] not in (b"@", b"#"):
        raise SourceError(
            f"{called} does not begin as a file of series does, with lines such as '@problemName' and '@data'. It "
            f"begins with {str(begin)[1:]}; TypeScript and films end in .ts, too, and are not read."
        )


def read_ts(text: str, called: str) -> Columns:
    """The columns of a file: ``dim_0``, ``dim_1``, ..., NaN where a number is missing, and the classes.

    Raises:
        SourceError: It is not in this format, or damaged; its series have time stamps, or dimensions differ in length.
    """
    numbered = ((number, line.strip()) for number, line in enumerate(io.StringIO(text, newline=None), start=1))
    lines = ((number, line) for number, line in numbered if line and not line.startswith("#"))
    head = _head(lines, called)
    rows: list[tuple[int, list[Float64[np.ndarray, " t"]], str]] = []
    for number, line in lines:
        parts = line.split(":")
        label = parts.pop().strip() if head.label else ""
        if head.classes and label not in head.classes:
            raise SourceError(
                f"Line {number} of {called} ends in the class '{label}', which is none of {listed(head.classes)}."
                f"{closest(label, head.classes)} Mend that line or the one of @classLabel."
            )
        head.dimensions = len(parts) if head.dimensions is None else head.dimensions
        if len(parts) != head.dimensions:
            raise SourceError(
                f"Line {number} of {called} has {len(parts)} dimensions, where {head.dimensions} were expected: colons "
                f"part them{', and the class stands last' if head.label else ''}. Mend that line or the head."
            )
        rows.append((number, [_numbers(part, number, called) for part in parts], label))
    if not rows:
        raise SourceError(f"{called} has no series: nothing follows its line @data.")
    return _columns(rows, head, called)


def _head(lines: Iterator[tuple[int, str]], called: str) -> Head:
    """The header, up to the line @data."""
    head = Head()
    for number, line in lines:
        name, *values = line.split()
        key = name[1:].lower()
        if not name.startswith("@") or key not in HEAD:
            raise SourceError(
                f"Line {number} of {called} is '{line[:40]}', where the head of a file of series was expected: lines "
                f"such as '@problemName', '@classLabel true up down' and then '@data'."
            )
        if key == "data":
            return head
        true = bool(values) and values[0].lower() == "true"
        if key == "timestamps" and true:
            raise SourceError(
                f"The series in {called} have time stamps (@timeStamps true), which are not read. Write them as a "
                "table of one row a step, with columns for id and time, in a .csv file."
            )
        if key in ("dimension", "dimensions") and values and values[0].isdecimal():
            head.dimensions = int(values[0])
        if key == "univariate" and true:
            head.dimensions = 1
        if key in ("classlabel", "targetlabel") and true:
            head.label, head.classes = (LABEL, values[1:]) if key == "classlabel" else (TARGET, [])
    raise SourceError(f"{called} has no line @data. Expected one line a series behind it; the file is cut short.")


def _numbers(part: str, line: int, called: str) -> Float64[np.ndarray, " t"]:
    cells = [cell.strip() for cell in part.split(",")]
    try:
        return np.asarray(["nan" if cell == "?" else cell for cell in cells], dtype=np.float64)
    except ValueError:
        wrong = next((cell for cell in cells if not _is_number(cell)), "")
        raise SourceError(
            f"Line {line} of {called} holds '{wrong[:40]}' where a number was expected, or ? for one that is missing."
        ) from None


def _is_number(cell: str) -> bool:
    try:
        return cell == "?" or float(cell) is not None
    except ValueError:
        return False


def _columns(rows: Sequence[tuple[int, list[Float64[np.ndarray, " _"]], str]], head: Head, called: str) -> Columns:
    """A list of series for each dimension, a matrix where all have the same length, and the classes."""
    for number, dimensions, _ in rows:
        steps = [len(each) for each in dimensions]
        if len(set(steps)) > 1:
            raise SourceError(
                f"The dimensions of the series in line {number} of {called} differ in length: they have "
                f"{listed(map(str, steps))} steps. Expected equally many in each; only series of different lines may "
                "differ."
            )
    columns: Columns = {}
    for place in range(len(rows[0][1])):
        series = [dimensions[place] for _, dimensions, _ in rows]
        equal = len({len(each) for each in series}) == 1
        columns[f"dim_{place}"] = np.stack(series) if equal else series
    return columns | ({head.label: [label for _, _, label in rows]} if head.label else {})
