"""Series in columns: one row each with its steps side by side, one row a step, or lists of steps in a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from pyarrow import compute

from counterpoint.data.rows import finite, required
from counterpoint.data.sheets import Sheet
from counterpoint.errors import SourceError, listed


@dataclass(frozen=True)
class Steps:
    """Series as the source holds them, what they are called, and their labels, if the source gives them any."""

    values: Float64[np.ndarray, "n c t"]
    names: Sequence[str] | None = None
    labels: Sequence[str | None] | None = None


def form_of(sheet: Sheet) -> tuple[str, list[str]]:
    """How a sheet holds series (wide, long or lists), and the columns of the steps or the channels.

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
    """The column that says whose step a row is: that of ids, if they repeat themselves."""
    called = sheet.schema.of_role("id")
    if not called or called[0] not in sheet.frame.columns:
        return None
    words = sheet.words(called[0])
    return called[0] if len(set(words)) < len(words) else None


def read_steps(sheet: Sheet, form: str, wanted: Sequence[str]) -> Steps:
    """The series of a sheet in the form that was found in training.

    Raises:
        SourceError: A column is missing or holds something else, series differ in length, or a number is missing.
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
    """Series of one row a step: grouped by id as they appear, in the order of time if there is one."""
    series = series_column(sheet)
    if series is None:
        raise SourceError(
            f"Expected a column that says whose step a row is, with repeats: name it with --id. Columns: "
            f"{listed(sheet.frame.columns)}."
        )
    cells = np.asarray(sheet.words(series))
    called, first, which, steps = np.unique(cells, return_index=True, return_inverse=True, return_counts=True)
    if steps.min() != steps.max():
        short, long = int(steps.argmin()), int(steps.argmax())
        raise SourceError(
            f"The series are ragged: '{called[short]}' has {steps[short]} steps, '{called[long]}' has {steps[long]}. "
            "Expected equally many in each; cut or pad them first."
        )
    times = sheet.schema.of_role("time")
    moments = sheet.numbers(times[0]) if times and times[0] in sheet.frame.columns else np.arange(len(cells))
    if np.isnan(moments).any():
        row = int(np.isnan(moments).argmax())
        raise SourceError(f"The column '{times[0]}' says no time in row {row}. Fill it in, or leave that row out.")
    order = np.lexsort((moments, first[which]))
    values = np.stack([sheet.numbers(name)[order] for name in channels], axis=1)
    shaped = values.reshape(len(called), int(steps[0]), len(channels)).transpose(0, 2, 1)
    numbered = finite(shaped, "item, channel, step")
    return Steps(numbered, called[np.argsort(first)].tolist(), _constant(sheet, order, int(steps[0])))


def _constant(sheet: Sheet, order: np.ndarray, steps: int) -> list[str | None] | None:
    """One label for every series, where the column of labels says the same in all of its rows."""
    labels = sheet.labels()
    if labels is None:
        return None
    grouped = np.asarray(labels, dtype=object)[order].reshape(-1, steps)
    if any(len(set(row)) > 1 for row in grouped.tolist()):
        return None
    first: list[str | None] = grouped[:, 0].tolist()
    return first
