"""Series in columns: one row each with its steps in columns, one row per step, or lists of steps in a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from pyarrow import compute

from counterpoint.data.long_form import codes_of
from counterpoint.data.memory_items import finite, required
from counterpoint.data.sheets import Sheet
from counterpoint.data.unequal_series import split_at, uneven
from counterpoint.errors import LabelError, SourceError, listed


@dataclass(frozen=True)
class Steps:
    """Series as the source holds them, their names, and their labels, if the source has any.

    NaN is a missing value; behind the end of a shorter series all channels are NaN.
    """

    values: Float64[np.ndarray, "n c t"]
    names: Sequence[str] | None = None
    labels: Sequence[str | None] | None = None
    steps_of: Int64[np.ndarray, " m"] | None = None
    """The item of every row of the source, where a row is one step; -1 for skipped rows."""
    notes: Sequence[str] = ()
    """Notes on the times of the steps."""


UNEVEN = 0.01
"""The share of uneven gaps between steps from which on a note says that times are not used."""


def form_of(sheet: Sheet) -> tuple[str, list[str]]:
    """The form in which a sheet holds series (wide, long or lists), and the columns of the steps or the channels.

    Raises:
        SourceError: No column holds numbers.
    """
    columns = [column for column in sheet.schema.columns if column.role == "number"]
    lists = [column.name for column in columns if column.type == "list of numbers"]
    if lists:
        return "lists", lists
    if not columns:
        raise SourceError(f"Series need columns of numbers. Columns: {listed(sheet.frame.columns)}.")
    return ("wide" if series_column(sheet) is None else "long"), [column.name for column in columns]


def series_column(sheet: Sheet) -> str | None:
    """The column that identifies the series: that of ids, if their values repeat."""
    called = sheet.schema.of_role("id")
    if not called or called[0] not in sheet.frame.columns:
        return None
    words = sheet.words(called[0])
    return called[0] if len(set(words)) < len(words) else None


def read_steps(sheet: Sheet, form: str, wanted: Sequence[str]) -> Steps:
    """The series of a sheet in the form that was recognised in training.

    Raises:
        SourceError: A column is missing or of another type, a number is infinite, or channels differ in length.
    """
    required(sheet.frame.columns, wanted)
    if form == "long":
        return _long(sheet, wanted)
    if form == "wide":
        values = np.stack([sheet.numbers(name) for name in wanted], axis=1)[:, None]
    else:
        values = _of_lists(sheet, wanted)
    return Steps(_checked(values), sheet.names(), sheet.labels())


def _checked(values: np.ndarray) -> Float64[np.ndarray, "n c t"]:
    return finite(values, "item, channel, step", missing=True)


def _of_lists(sheet: Sheet, channels: Sequence[str]) -> Float64[np.ndarray, "n c t"]:
    """Columns of lists, one for each channel; the lists of one row have one length."""
    steps, numbers = zip(*(_lists(sheet, name) for name in channels), strict=True)
    for name, others in zip(channels[1:], steps[1:], strict=True):
        differ = np.flatnonzero(others != steps[0])
        if len(differ):
            row = int(differ[0])
            raise SourceError(
                f"The channels of row {sheet.frame.rows[row]} of {sheet.frame.called} differ in length: "
                f"'{channels[0]}' holds {steps[0][row]} numbers, '{name}' {others[row]}. Expected a list of the same "
                "length from every channel; series of different rows may differ."
            )
    return split_at(np.stack(numbers), steps[0])


def _lists(sheet: Sheet, name: str) -> tuple[Int64[np.ndarray, " n"], Float64[np.ndarray, " m"]]:
    """The length of every list in a column, and their numbers in a row."""
    cells = sheet.cells(name)
    if not hasattr(cells, "type") or not hasattr(cells.type, "value_type"):
        raise SourceError(f"The column '{name}' holds no lists of numbers, as it did in training.")
    steps = np.asarray(compute.fill_null(compute.list_value_length(cells), 0), dtype=np.int64)
    flat = compute.fill_null(compute.list_flatten(cells).cast("float64"), np.nan)
    return steps, np.asarray(flat)


def _long(sheet: Sheet, channels: Sequence[str]) -> Steps:
    """Series with one row per step: grouped by id in order of appearance, sorted by time if there is one."""
    called = sheet.schema.of_role("id")
    if not called:
        raise SourceError(
            f"Expected a column that says whose step a row is, with repeats: name it with --id. Columns: "
            f"{listed(sheet.frame.columns)}."
        )
    words = sheet.words(called[0])
    if "" in words:
        row = sheet.frame.rows[words.index("")]
        raise SourceError(f"The column '{called[0]}' says no series in row {row}. Fill it in, or leave that row out.")
    names, which = list(dict.fromkeys(words)), codes_of(sheet.frame, called[0])
    order, notes = in_time(sheet, names, which)
    values = np.stack([sheet.numbers(name)[order] for name in channels])
    shaped = split_at(values, np.bincount(which))
    steps_of = np.full(len(sheet.frame) + len(sheet.frame.skipped), -1)
    steps_of[sheet.frame.rows] = which
    column = sheet.labels()
    try:
        labels = None if column is None else one_per_series(column, which, names)
    except LabelError:  # it changes within a series, so it is not a label
        labels = None
    return Steps(_checked(shaped), names, labels, steps_of, notes)


def in_time(
    sheet: Sheet, names: Sequence[str], which: Int64[np.ndarray, " n"]
) -> tuple[Int64[np.ndarray, " n"], list[str]]:
    """The rows sorted by series, and by time within each, or in the original order without a column of times.

    A note says where times are unevenly spaced.

    Raises:
        SourceError: A time is missing or cannot be read, or a series has two steps at the same one.
    """
    called = sheet.schema.of_role("time")
    if not called:
        return np.argsort(which, kind="stable"), []
    words, rows, moments = sheet.words(called[0]), sheet.frame.rows, sheet.numbers(called[0])
    if np.isnan(moments).any():
        row = int(np.isnan(moments).argmax())
        problem = f"says '{words[row]}', which is no time," if words[row] else "says no time"
        raise SourceError(f"The column '{called[0]}' {problem} in row {rows[row]}. Mend it, or leave that row out.")
    order = np.lexsort((moments, which))
    twice = np.flatnonzero((np.diff(which[order]) == 0) & (np.diff(moments[order]) == 0))
    if len(twice):
        first, second = order[twice[0]], order[twice[0] + 1]
        raise SourceError(
            f"The series '{names[which[first]]}' has two steps at the time '{words[first]}', in rows {rows[first]} and "
            f"{rows[second]}. Keep one of them, or name the column with --id that tells their series apart."
        )
    share = uneven(moments[order], which[order])
    spaced = f"{called[0]}: {share:.0%} of the gaps between steps are unusual; only their order counts, not the spacing"
    return order, [spaced] if share > UNEVEN else []


def one_per_series(
    labels: Sequence[Any], steps_of: Int64[np.ndarray, " n"], names: Sequence[str], *, what: str = "label"
) -> list[Any]:
    """One label per series, from one per row of its source; see ``Steps.steps_of``.

    >>> one_per_series(["ok", "worn", None, "ok"], np.array([0, 1, -1, 0]), ["a", "b"])
    ['ok', 'worn']

    Raises:
        LabelError: A series has several.
    """
    rows = [(item, label) for item, label in zip(steps_of.tolist(), labels, strict=True) if item >= 0]
    label_of = dict(rows)
    for item, label in rows:
        earlier = label_of[item]
        if earlier != label and not (earlier != earlier and label != label):
            held = dict.fromkeys(str(each) for of, each in rows if of == item)
            raise LabelError(
                f"The {what} changes within the series '{names[item]}': {listed(held, 5)}. Expected the same one in "
                f"all of its rows; name another column, or give a {what} per series in a .csv file of name and {what}."
            )
    return [label_of[item] for item in range(len(names))]
