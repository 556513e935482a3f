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
from counterpoint.errors import LabelError, SourceError, listed


@dataclass(frozen=True)
class Steps:
    """Series as the source holds them, their names, and their labels, if the source has any."""

    values: Float64[np.ndarray, "n c t"]
    names: Sequence[str] | None = None
    labels: Sequence[str | None] | None = None
    steps_of: Int64[np.ndarray, " m"] | None = None
    """The item of every row of the source, where a row is one step; -1 for skipped rows."""


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
        SourceError: A column is missing or of another type, series differ in length, or a number is missing.
    """
    required(sheet.frame.columns, wanted)
    if form == "long":
        return _long(sheet, wanted)
    if form == "wide":
        values = np.stack([sheet.numbers(name) for name in wanted], axis=1)[:, None]
    else:
        channels = [_lists(sheet, name) for name in wanted]
        steps = {name: channel.shape[1] for name, channel in zip(wanted, channels, strict=True)}
        if len(set(steps.values())) > 1:
            raise SourceError(f"The channels are ragged; their steps are {steps}. Cut or pad them to one length first.")
        values = np.stack(channels, axis=1)
    return Steps(finite(values, "item, channel, step"), sheet.names(), sheet.labels())


def _lists(sheet: Sheet, name: str) -> Float64[np.ndarray, "n t"]:
    """A column of lists as a matrix."""
    cells = sheet.cells(name)
    if not hasattr(cells, "type") or not hasattr(cells.type, "value_type"):
        raise SourceError(f"The column '{name}' holds no lists of numbers, as it did in training.")
    lengths = np.asarray(compute.fill_null(compute.list_value_length(cells), -1))
    if lengths.min() != lengths.max() or lengths.min() < 1:
        odd = int(np.argmax(lengths != lengths[0]))
        raise SourceError(
            f"Column '{name}' of {sheet.frame.called} is ragged: row 0 holds {max(lengths[0], 0)} numbers, row {odd} "
            f"{max(lengths[odd], 0)}. Expected equally many in every row; cut or pad them first."
        )
    flat = compute.fill_null(compute.list_flatten(cells).cast("float64"), np.nan)
    return np.asarray(flat).reshape(len(lengths), -1)


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
    steps = np.bincount(which)
    if steps.min() != steps.max():
        short, long = int(steps.argmin()), int(steps.argmax())
        raise SourceError(
            f"The series are ragged: '{names[short]}' has {steps[short]} steps, '{names[long]}' has {steps[long]}. "
            "Expected equally many in each; cut or pad them first, or say --modality=table to learn from single rows."
        )
    order = in_time(sheet, names, which)
    values = np.stack([sheet.numbers(name)[order] for name in channels], axis=1)
    shaped = values.reshape(len(names), int(steps[0]), len(channels)).transpose(0, 2, 1)
    steps_of = np.full(len(sheet.frame) + len(sheet.frame.skipped), -1)
    steps_of[sheet.frame.rows] = which
    column = sheet.labels()
    try:
        labels = None if column is None else one_per_series(column, which, names)
    except LabelError:  # it changes within a series, so it is not a label
        labels = None
    return Steps(finite(shaped, "item, channel, step"), names, labels, steps_of)


def in_time(sheet: Sheet, names: Sequence[str], which: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """The rows sorted by series, and by time within each, or in the original order without a column of times.

    Raises:
        SourceError: A time is missing or cannot be read, or a series has two steps at the same one.
    """
    called = sheet.schema.of_role("time")
    if not called:
        return np.argsort(which, kind="stable")
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
    return order


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
