"""The schema of a source: inferred once, printed, saved with the model, and applied to later files.

>>> schema = Schema((Column("price", "number", "string", 3, "decimal comma", ",|"), Column("note", "ignore", "string")))
>>> schema.lines()
['price  number, decimal comma, 3 missing', 'note   ignored']
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float64
from pyarrow import compute

from counterpoint.data import numbers, times
from counterpoint.data.frames import Cells, Frame, kind_of, values_of
from counterpoint.errors import InputError, SourceError, closest, listed
from counterpoint.plans.data_options import named_columns
from counterpoint.storage.typed_json import conform

ROLES = ("text", "number", "category", "label", "id", "group", "time", "path", "pair", "score", "ignore")

SHOWN = 24
"""Columns that are printed; a table of thousands would hide the rest of the plan."""

TRUE, FALSE = ("true", "yes", "t", "y", "1", "1.0"), ("false", "no", "f", "n", "0", "0.0")
BOOLEAN = "boolean"
"""The format of numbers that are written as words, true or false."""


@dataclass(frozen=True)
class Column:
    """A column: its role, the type of its cells, and a note on how it was read."""

    name: str
    role: str
    type: str
    missing: int = 0
    note: str = ""
    form: str = ""
    """The format of its numbers or times in text, so that later files are read in the same way."""


@dataclass(frozen=True)
class Schema:
    """The columns of a source, in its order."""

    columns: tuple[Column, ...]

    def of_role(self, *roles: str) -> list[str]:
        """The names of the columns with these roles."""
        return [column.name for column in self.columns if column.role in roles]

    def named(self, name: str) -> Column:
        """The column of this name.

        Raises:
            SourceError: There is none.
        """
        result = next((column for column in self.columns if column.name == name), None)
        if result is None:
            raise no_column(name, [column.name for column in self.columns])
        return result

    def record(self) -> list[dict[str, Any]]:
        """The schema as JSON values, for output."""
        return [
            {"column": each.name, "role": each.role, "type": each.type, "missing": each.missing, "note": each.note}
            for each in self.columns
        ]

    def settings(self) -> list[dict[str, Any]]:
        """The schema as saved with a model; the inverse of ``from_settings``."""
        return [asdict(column) for column in self.columns]

    @classmethod
    def from_settings(cls, settings: Any) -> Schema:
        """The schema that ``settings`` came from."""
        return cls(conform(settings, tuple[Column, ...], "schema"))

    def lines(self) -> list[str]:
        """One line per column."""
        return schema_lines(self.record())

    @classmethod
    def before(cls, columns: Sequence[Column], names: str | None) -> Schema:
        """The schema of a model that was saved before schemas existed, with the column that named its items."""
        return cls((*columns, *([Column(names, "id", "string")] if names else [])))

    def unseen(self, frame: Frame) -> list[str]:
        """The columns of later data that are not among these."""
        seen = {column.name for column in self.columns}
        return [name for name in frame.columns if name not in seen]

    def changes(self, frame: Frame) -> list[str]:
        """A note on later data with other columns."""
        extra = self.unseen(frame)
        return [f"not seen in training, and ignored: {listed(extra, 8)}"] if extra else []


NO_COLUMNS = Schema(())
"""The schema of a source without named columns."""


def schema_lines(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """The records of a schema as lines: one per column; if there are many, the last ones are summarised."""
    if len(records) > SHOWN:
        records = _summed(records)
    shown = records if len(records) <= SHOWN else records[: SHOWN - 1]
    width = max((len(each["column"]) for each in shown), default=0)
    lines = [f"{each['column']:{width}}  {_line(each)}" for each in shown]
    if len(shown) < len(records):
        rest = [each["role"] for each in records[len(shown) :]]
        counts = ", ".join(f"{rest.count(role):,} {role}" for role in dict.fromkeys(rest))
        lines.append(f"and {len(rest):,} more: {counts}")
    return lines


def _summed(records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The records with one for every run of columns with the same description."""
    summed: list[Mapping[str, Any]] = []
    for _, alike in groupby(records, key=lambda each: (each["role"], each["note"], each["missing"])):
        run = list(alike)
        if len(run) <= 2:
            summed += run
            continue
        called = f"{run[0]['column']} to {run[-1]['column']}"
        note = ", ".join(part for part in (run[0]["note"], f"{len(run):,} columns") if part)
        summed.append({**run[0], "column": called, "note": note})
    return summed


def _line(record: Mapping[str, Any]) -> str:
    note, missing = record["note"], f", {record['missing']:,} missing" if record["missing"] else ""
    if record["role"] == "ignore":
        return f"ignored{f': {note}' if note else ''}"
    between = " " if note.startswith("of ") else ", "
    return f"{record['role']}{f'{between}{note}' if note else ''}{missing}"


def no_column(name: str, names: Iterable[str]) -> SourceError:
    """The message for a requested column that is missing."""
    there = list(names)
    return SourceError(f"There is no column '{name}'.{closest(name, there)} Columns: {listed(there)}.")


def parsed_roles(spec: str | None) -> dict[str, str]:
    """The roles that the user set, by the names of columns.

    >>> parsed_roles("zip:category, note:ignore")
    {'zip': 'category', 'note': 'ignore'}
    """
    roles: dict[str, str] = {}
    for each in named_columns(spec):
        name, colon, role = each.rpartition(":")
        if not colon or role.strip() not in ROLES:
            raise InputError(
                f"A schema names columns and their roles, as in 'zip:category, note:ignore'. Got '{each.strip()}'."
                f"{closest(role.strip(), ROLES)} Roles: {listed(ROLES)}."
            )
        roles[name.strip()] = role.strip()
    return roles


def numbers_in(column: Column, cells: Cells, called: str) -> tuple[Float64[np.ndarray, " n"], list[str]]:
    """The cells of a column of numbers or times as numbers, NaN where missing, and the non-numeric ones.

    Raises:
        SourceError: More than a few cells are neither numbers nor missing.
    """
    kind = kind_of(cells)
    if kind in ("integer", "float", "boolean", "empty"):
        numeric = cells.cast(pa.int8()) if kind == "boolean" else cells
        filled = compute.fill_null(numeric.cast(pa.float64(), safe=False), np.nan)
        return filled.to_numpy(zero_copy_only=False), []
    if kind == "time":
        return times.of_temporal(cells), []
    if kind not in ("string", "mixed"):
        raise SourceError(f"The column '{column.name}' of {called} holds {kind}, where numbers were expected.")
    written = cells if kind == "string" else pa.array(words_in(column.name, cells, called))
    if column.form == BOOLEAN:
        values, expected = _truths(written), "true or false"
    elif column.type == "time":
        values, expected = times.parse(written, column.form or times.ISO), "times"
    else:
        (values, stray), expected = numbers.parse(written, column.form or numbers.PLAIN), "numbers"
        if not stray:
            return values, []
    return values, _strays(column, written, np.isnan(values), called, expected)


def _truths(written: Any) -> Float64[np.ndarray, " n"]:
    low = compute.utf8_lower(written)
    values = np.where(compute.is_in(low, value_set=pa.array(TRUE)), 1.0, np.nan)
    return np.where(compute.is_in(low, value_set=pa.array(FALSE)), 0.0, values)


def _strays(column: Column, written: Any, lost: np.ndarray, called: str, expected: str) -> list[str]:
    """Some of the cells of another type than in training; more than a few of them are refused."""
    wrong = np.flatnonzero(lost & np.asarray(compute.is_valid(numbers.stripped(written))))
    if len(wrong) > numbers.STRAY * len(lost):
        raise SourceError(
            f"The column '{column.name}' of {called} held {expected} in training. Got text, first "
            f"'{written[int(wrong[0])].as_py()}' in row {wrong[0]}."
        )
    return list(dict.fromkeys(written[int(row)].as_py() for row in wrong))[:5]


def words_in(name: str, cells: Cells, called: str) -> list[str]:
    """The cells of a column as strings, "" where missing; integers without a decimal point.

    Raises:
        SourceError: A cell is a list or a record.
    """
    if kind_of(cells) in ("string", "integer"):
        plain = compute.utf8_trim_whitespace(compute.fill_null(cells.cast(pa.string()), ""))
        strings: list[str] = plain.to_pylist()
        return strings
    return [_as_word(value, name, row, called) for row, value in enumerate(values_of(cells))]


def _as_word(value: Any, name: str, row: int, called: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float | np.floating):
        return f"{value:.15g}"
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, Mapping | list | tuple | set | np.ndarray):
        raise SourceError(
            f"The column '{name}' of {called} holds a {type(value).__name__} in row {row}: {str(value)[:60]}. Expected "
            "one value in each row; give its parts columns of their own, or leave the column out with --without."
        )
    return str(value)
