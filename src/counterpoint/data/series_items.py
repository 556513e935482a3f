"""Series as items: those of which nothing is present are left out and named, and what is unequal becomes a note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float64, Int64

from counterpoint.data.memory_items import Rows
from counterpoint.data.sheets import Sheet
from counterpoint.data.unequal_series import lengths_of
from counterpoint.data.wide_series import Steps
from counterpoint.errors import NothingLeft

EMPTY = "none of its values is present"
"""Why a series is left out."""


def series_items(
    steps: Steps, sheet: Sheet | None, mean: Float64[np.ndarray, " c"], deviation: Float64[np.ndarray, " c"]
) -> Rows:
    """The series of a source, standardised, with its metadata; ``sheet`` is None where they come from an array.

    Raises:
        NothingLeft: No value of any series is present.
    """
    lengths = lengths_of(steps.values)
    kept, names = lengths > 0, _names(steps)
    empty = [(names[row], EMPTY) for row in np.flatnonzero(~kept).tolist()]
    if not kept.any():
        raise NothingLeft(f"None of the values of the {len(kept):,} series is present, so nothing is left.", empty)
    steps = steps if kept.all() else _some(steps, names, kept)
    lengths, longest = lengths[kept], int(lengths.max())
    items = Rows.of((steps.values[:, :, :longest] - mean[:, None]) / deviation[:, None], steps.names)
    if lengths.min() < longest:
        items = replace(items, lengths=lengths)
    notes = _notes(steps.values, lengths)
    if sheet is None:
        rows = None if kept.all() else np.flatnonzero(kept)
        return replace(items, rows=rows, skipped=empty, notes=notes)
    frame = sheet.frame
    notes = [*frame.notes, *sheet.remarks, *steps.notes, *notes]
    items = replace(items, labels=steps.labels, notes=notes, frame=frame)
    if steps.steps_of is not None:
        return replace(items, steps_of=steps.steps_of, skipped=[*frame.skipped, *empty])
    return replace(items, rows=frame.rows[kept], skipped=_in_order(frame.rows, frame.skipped, kept, empty))


def _names(steps: Steps) -> Sequence[str]:
    return [str(row) for row in range(len(steps.values))] if steps.names is None else steps.names


def _some(steps: Steps, names: Sequence[str], kept: Bool[np.ndarray, " n"]) -> Steps:
    rows = np.flatnonzero(kept).tolist()
    labels = None if steps.labels is None else [steps.labels[row] for row in rows]
    steps_of = steps.steps_of
    if steps_of is not None:
        place = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)
        steps_of = place[steps_of]
    return replace(
        steps, values=steps.values[kept], names=[names[row] for row in rows], labels=labels, steps_of=steps_of
    )


def _notes(values: Float64[np.ndarray, "n c t"], lengths: Int64[np.ndarray, " n"]) -> list[str]:
    """How long the series are, and how much of them is missing, where that is not as usual."""
    notes = []
    if lengths.min() < lengths.max():
        notes.append(f"the series have {lengths.min():,} to {lengths.max():,} steps, {np.median(lengths):,.0f} usually")
    expected = int(lengths.sum()) * values.shape[1]
    missing = expected - int(np.count_nonzero(~np.isnan(values)))
    if missing:
        notes.append(f"{missing:,} of {expected:,} values are missing ({missing / expected:.1%})")
    return notes


def _in_order(
    rows: Int64[np.ndarray, " n"],
    skipped: Sequence[tuple[str, str]],
    kept: Bool[np.ndarray, " n"],
    empty: Sequence[tuple[str, str]],
) -> list[tuple[str, str]]:
    """Rows that could not be read and series without values, in the order of the source."""
    unread = np.setdiff1d(np.arange(len(rows) + len(skipped)), rows)
    at = [*unread.tolist(), *rows[~kept].tolist()]
    pairs = zip(at, [*skipped, *empty], strict=True)
    return [entry for _, entry in sorted(pairs, key=lambda pair: pair[0])]
