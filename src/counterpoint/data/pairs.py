"""Labelled pairs: same or different, or similarity scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int64

from counterpoint.data.frames import is_columns, raw_columns, read_frame
from counterpoint.data.item_rows import row_finder
from counterpoint.data.label_names import name_of
from counterpoint.data.schema import no_column
from counterpoint.data.sheets import read_sheet
from counterpoint.errors import LabelError, closest, listed
from counterpoint.interfaces import Items
from counterpoint.modality import DataOptions
from counterpoint.plans.data_options import ReadOptions

COLUMNS = ("first", "second", "same")

YES, NO = ("1", "1.0", "true", "yes", "same"), ("0", "0.0", "false", "no", "different")


class Pairs(NamedTuple):
    """The rows of both items of every pair, and whether they are the same."""

    first: Int64[np.ndarray, " p"]
    second: Int64[np.ndarray, " p"]
    same: Bool[np.ndarray, " p"]


def read_pairs(spec: object, items: Items) -> Pairs:
    """Pairs of these items.

    Args:
        spec: The path of a .csv, .tsv or .parquet file, or a data frame, with the columns ``first`` and ``second``
            (names of items) and ``same`` (1 or 0, yes or no); or a list of such triples.
        items: The items that the pairs are of.

    Raises:
        LabelError: A column is missing, a name is unknown, an item is paired with itself, or ``same`` is neither.
    """
    first, second, same = _columns(spec)
    rows = [_rows(column, items) for column in (first, second)]
    if not len(rows[0]):
        raise LabelError("There are no pairs. Give at least one that is the same and one that is not.")
    itself = np.flatnonzero(rows[0] == rows[1])
    if len(itself):
        raise LabelError(f"'{first[itself[0]]}' is paired with itself. Leave that pair out.")
    return Pairs(rows[0], rows[1], np.asarray([_is_same(value) for value in same], dtype=bool))


def read_scores(
    spec: object, source: object, count: int, skipped: Sequence[tuple[str, str]]
) -> Int64[np.ndarray, " p"]:
    """The similarity scores of all pairs, as ranks from 0, equal for equal scores.

    Args:
        spec: The column of ``source`` that holds the scores, or the scores of all rows; the higher, the more alike.
        source: The columns that the pairs are rows of.
        count: How many pairs there are.
        skipped: The rows without a pair, as ``read_linked`` names them.

    Raises:
        LabelError: There is no such column, it has other than one number in every row, or all of them are equal.
    """
    if isinstance(spec, str):
        frame = read_frame(source)
        if spec not in frame.columns:
            raise LabelError(str(no_column(spec, frame.columns)))
        sheet = read_sheet(frame, DataOptions(data=ReadOptions(schema=f"{spec}:score")), "table")
        numeric = sheet.schema.named(spec).type in ("integer", "float", "boolean")
        scores, where = sheet.numbers(spec) if numeric else np.asarray(sheet.words(spec)), f"The column '{spec}' has"
        places = frame.rows.tolist()
    else:
        scores, where = np.asarray(spec), "This list has"
        places = list(range(len(scores)))
    if scores.dtype.kind not in "biuf" or scores.ndim != 1 or not np.isfinite(scores).all():
        raise LabelError(f"Scores are one number in every row, such as 1 and 0. {where} others, or none in some.")
    left_out = {name for name, _ in skipped} & {f"row {row}" for row in places}
    if len(scores) != count + len(left_out):
        raise LabelError(
            f"There are {len(scores):,} scores for {count + len(left_out):,} rows of pairs. Give one for each."
        )
    kept = scores[[f"row {row}" not in left_out for row in places]]
    different, ranks = np.unique(kept, return_inverse=True)
    if len(different) < 2:
        raise LabelError(f"All scores are {different[0]:g}, so no pair is more similar than another. Give others, too.")
    return ranks


def _columns(spec: object) -> list[list[str]]:
    """The three columns, as text."""
    if isinstance(spec, str | Path) or is_columns(spec):
        columns = raw_columns(spec, only=COLUMNS)
        if set(COLUMNS) - set(columns):
            raise LabelError(f"Pairs need the columns {listed(COLUMNS)}. There are {listed(read_frame(spec).columns)}.")
        return [[_text(value) for value in columns[name]] for name in COLUMNS]
    if isinstance(spec, Sequence) and all(isinstance(each, Sequence) and len(each) == 3 for each in spec):
        return [[_text(value) for value in column] for column in zip(*spec, strict=True)] or [[], [], []]
    raise LabelError(f"Pairs are a file, a data frame or a list of triples (first, second, same). Got {type(spec)}.")


def _text(value: object) -> str:
    """A cell as written; empty where it is missing."""
    return value if isinstance(value, str) else name_of(value) or ""


def _rows(names: Sequence[str], items: Items) -> Int64[np.ndarray, " p"]:
    find, rows = row_finder(items), []
    for number, name in enumerate(names):
        row = find(name)
        if row is None and not name:
            raise LabelError(f"The pair in row {number} names one item only. Give two, or leave it out.")
        if row is None:
            raise LabelError(f"A pair names '{name}', which is none of the items.{closest(name, items.names)}")
        rows.append(row)
    return np.asarray(rows, dtype=np.int64)


def _is_same(value: str) -> bool:
    word = value.strip().lower()
    if word not in (*YES, *NO):
        raise LabelError(f"Whether a pair is the same is said by 1 or 0, yes or no. Got '{value}'.")
    return word in YES
