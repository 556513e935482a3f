"""Long form: a row is one step of a series; one column identifies the series, and another the time.

Users name these columns with ``--id`` and ``--time``. Without, they are recognised by usual names, and, except for the
most explicit names, only where the rows confirm it: every series has several steps, all at different times.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from jaxtyping import Int64

from counterpoint.data import times
from counterpoint.data.column_types import Traits
from counterpoint.data.frames import Cells, Frame
from counterpoint.data.schema import Column, words_in
from counterpoint.errors import SourceError

PLAIN_SERIES, PLAIN_TIME = ("id", "series"), "time"
"""Names that leave no doubt, if the values of the first repeat."""

SERIES = re.compile(
    r"(id|series|unit|machine|engine|motor|pump|turbine|device|asset|vehicle|sensor|station|meter|patient|subject|person|"
    r"sample|case|trial|recording|unique)(?:[ _.-]?(?:id|no|nr|num|number|name))?"
)
"""Other usual names of the column that identifies the series, in lower case."""

TIMES = re.compile(
    r"(?:time|date|datetime|date[ _-]time|time[ _-]?stamp|date[ _-]stamp|t|ts|ds|epoch|year|month|week|day|hours?|"
    r"minutes?|seconds?|step|time[ _-]?step|cycles?|time[ _-](?:in[ _-])?cycles?|tick|frame)"
)
"""Usual names of the column of times, in lower case."""

SEVERAL = 3
"""Rows per series from which on they are steps: two may be before and after."""

STEPS = 8
"""Columns of numbers after a label from which on they are the steps of series."""

NUMBERS = ("integer", "float", "boolean", "list of numbers")


def is_long(frame: Frame, traits: Mapping[str, Traits], roles: Mapping[str, str]) -> bool:
    """Whether a row is a step of a series; series may differ in length."""
    pairs = _pairs(frame, traits, roles)
    if any(_is_sure(pair, roles) for pair in pairs):
        return True
    free = [each.column for name, each in traits.items() if name not in roles]
    if any(column.role == "text" for column in free):
        return False
    return any(
        _are_steps(frame, *pair)
        for pair in pairs
        if any(column.type in NUMBERS and column.name not in pair for column in free)
    )


def is_wide(traits: Mapping[str, Traits], roles: Mapping[str, str], wanted: Sequence[str]) -> bool:
    """Whether columns beside a label are the steps of series: numbers, and enough of them."""
    free = [name for name in wanted or traits if name not in roles]
    beside = [name for name in traits if roles.get(name) in (None, "ignore", "number")]
    numeric = [name for name in beside if traits[name].column.type in NUMBERS]
    return len(numeric) >= STEPS and set(free) <= set(numeric)


def roles_in_series(frame: Frame, traits: Mapping[str, Traits], roles: Mapping[str, str]) -> dict[str, str]:
    """The columns that identify series and times, where the user named none."""
    pairs = _pairs(frame, traits, roles)
    if pairs:
        pairs.sort(key=lambda pair: (not _is_sure(pair, roles), not _are_steps(frame, *pair)))
        series, time = pairs[0]
        return {series: "id", time: "time"}
    result = {} if "id" in roles.values() else _called(traits, roles, lambda name: name in PLAIN_SERIES)
    whose = [name for name in result if traits[name].distinct < traits[name].present]
    when = [] if "time" in roles.values() else _called(traits, roles, lambda name: name == PLAIN_TIME)
    return dict.fromkeys(whose[:1], "id") | {name: "time" for name in when if traits[name].column.type != "string"}


def require_times(frame: Frame, traits: Mapping[str, Traits], roles: Mapping[str, str]) -> None:
    """Refuse a column of times in which some cells are not, naming the first.

    Raises:
        SourceError: There is one.
    """
    for name in (name for name, role in roles.items() if role == "time" and traits[name].column.type == "string"):
        words = words_in(name, frame.columns[name], frame.called)
        read = times.best(frame.columns[name])
        wrong = next(row for row, word in enumerate(words) if word and np.isnan(read[row]))
        if not _mostly(read):
            raise SourceError(
                f"The column '{name}' holds strings that are no times, such as '{words[wrong]}' in row "
                f"{frame.rows[wrong]}. Give it another role, or leave it out with --without={name}."
            )
        raise SourceError(
            f"The column '{name}' says '{words[wrong]}' in row {frame.rows[wrong]}, which is no time, as "
            f"the others are. Mend it, or leave the column out with --without={name}."
        )


def described(
    columns: Sequence[Column], frame: Frame, traits: Mapping[str, Traits], requested: Mapping[str, str]
) -> list[Column]:
    """The columns of series with their roles and notes: id, channel or step, and labels that change.

    Columns in ``requested``, whose role the user set, are kept as they are.
    """
    lists = any(column.role == "number" and column.type == "list of numbers" for column in columns)
    called = next((column.name for column in columns if column.role == "id"), None)
    codes = None if called is None or lists else codes_of(frame, called)
    whose = codes if codes is not None and int(codes.max()) + 1 < len(frame) else None
    timed = any(column.role == "time" for column in columns)
    part = "a step" if whose is None and not lists else "a channel"
    result = []
    for column in columns:
        if whose is not None and column.name == called:
            order = "" if timed else ", steps in the order of rows"
            column = replace(column, note=f"of {int(whose.max()) + 1:,} series{order}")
        elif column.name not in requested and column.role == "label" and whose is not None:
            column = _label(column, whose, frame)
        elif column.name not in requested and column.role == "number" and lists and column.type != "list of numbers":
            sparse = traits[column.name].sparse
            column = replace(
                column, role="label" if sparse else "ignore", note="" if sparse else "one number, no steps"
            )
        result.append(_noted(column, part) if column.role == "number" else column)
    return result


def codes_of(frame: Frame, name: str) -> Int64[np.ndarray, " n"]:
    """An index for the value of every row, in the order in which values first appear.

    Raises:
        SourceError: The cells are lists or records.
    """
    written = pa.array(words_in(name, frame.columns[name], frame.called), pa.string())
    codes: np.ndarray = written.dictionary_encode().indices.to_numpy().astype(np.int64)
    return codes


def _pairs(frame: Frame, traits: Mapping[str, Traits], roles: Mapping[str, str]) -> list[tuple[str, str]]:
    """The pairs of columns that may identify series and times."""
    whose = [name for name, role in roles.items() if role == "id"] or _called(traits, roles, SERIES.fullmatch)
    when = [name for name, role in roles.items() if role == "time"] or [
        name
        for name in _called(traits, roles, TIMES.fullmatch)
        if name.lower() == PLAIN_TIME or _may_be_times(frame.columns[name], traits[name].column)
    ]
    repeats = [name for name in whose if traits[name].distinct < traits[name].present]
    return [(series, time) for series in repeats for time in when if series != time]


def _called(traits: Mapping[str, Traits], roles: Mapping[str, str], fits: Callable[[str], object]) -> list[str]:
    """The columns without a role whose name in lower case fits."""
    return [name for name in traits if name not in roles and fits(name.strip().lower())]


def _is_sure(pair: tuple[str, str], roles: Mapping[str, str]) -> bool:
    series, time = pair
    return (series in roles or series.lower() in PLAIN_SERIES) and (time in roles or time.lower() == PLAIN_TIME)


def _are_steps(frame: Frame, series: str, time: str) -> bool:
    """Whether rows can be steps of series: several in each, at different times."""
    whose, when = codes_of(frame, series), codes_of(frame, time)
    steps = np.bincount(whose)
    if len(steps) < 2 or steps.min() < SEVERAL:
        return False
    return len(np.unique(whose * (when.max() + 1) + when)) == len(whose)


def _may_be_times(cells: Cells, column: Column) -> bool:
    if column.type == "string":
        return _mostly(times.best(cells))
    return column.type in ("integer", "float", "time")


def _mostly(read: np.ndarray) -> bool:
    return bool(np.mean(~np.isnan(read)) > 0.5)


def _label(column: Column, whose: Int64[np.ndarray, " n"], frame: Frame) -> Column:
    """A column of labels in long form, which is one only if it is constant in each series."""
    codes = codes_of(frame, column.name)
    if len(np.unique(whose * (codes.max() + 1) + codes)) == whose.max() + 1:
        return column
    if column.type in NUMBERS:
        return replace(column, role="number", note="")
    return replace(column, role="ignore", note="changes within a series, so no label of it")


def _noted(column: Column, part: str) -> Column:
    return replace(column, note=", ".join(each for each in (part, column.note) if each))
