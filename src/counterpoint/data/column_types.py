"""The type of each column by itself: numbers, times, categories, texts, paths, names.

All rows are examined, and a thousand of them for the number of words.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from counterpoint.data import numbers, times
from counterpoint.data.decode import header, is_picture_name
from counterpoint.data.frames import Cells, Frame, kind_of, values_of
from counterpoint.data.list_cells import holds_lists, in_short
from counterpoint.data.schema import BOOLEAN, TRUE, Column, words_in
from counterpoint.data.subset import spread

LISTS = ("list", "mixed")
"""Types of columns with lists in some cells: texts, where these are strings or dialogue turns."""

SAMPLED = 1000
"""Cells whose words are counted."""

UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""Characters of scripts without spaces between words: two of them count as a word."""

WORDY = 2.0
"""Words per cell, on average, from which on a column is text rather than a category."""

SENTENCES = 6.0
"""Words from which on it is sentences, and clearly the content of the source."""

DIFFERING = 0.1
"""Share of distinct cells in a text; in a category of several words fewer differ."""

VALUES = 8
"""Distinct values that a category of several words may have."""

FEW = 20
"""Distinct integers that may be classes."""

BRACKETED = re.compile(r"\[[^\]\d]+\]|\([^)\d]+\)")
"""A word in brackets, as units are written under a column's name."""

EXACT = 2**53
"""Integers beyond which float64 cannot represent all: those are names."""

OPENED = 8
"""Cells of bytes that are examined to tell whether they are pictures."""


@dataclass(frozen=True)
class Traits:
    """A column as inferred, and what else decides its role."""

    column: Column
    present: int
    """Cells that are not missing."""
    distinct: int
    """Distinct values among them."""
    words: float = 0.0
    """Words per cell on average, for strings."""
    integral: bool = True
    """Whether no value has decimals."""

    @property
    def unique(self) -> bool:
        """Whether all values are distinct, and none is missing."""
        return self.present == self.distinct > 1 and not self.column.missing

    @property
    def sparse(self) -> bool:
        """Whether the values may be classes: booleans, or few distinct strings or integers, most of them repeated."""
        return self.distinct <= min(FEW, max(2, self.present // 2)) and self.integral


def without_units(frame: Frame) -> tuple[Frame, str]:
    """The frame without a first row of units, and a note on them; unchanged where there is none.

    A row holds units if numbers follow below known units or words in brackets, and its other cells are empty.
    """
    if not any(kind_of(cells) == "string" for cells in frame.columns.values()) or len(frame) < 2:
        return frame, ""
    units = {}
    for name, cells in frame.columns.items():
        first = values_of(cells.slice(0, 1))[0] if kind_of(cells) == "string" else 0
        unit = str(first or "").strip()
        if _is_unit(unit) and numbers.infer(cells.slice(1)) is not None:
            units[name] = unit
        elif unit not in ("", "-"):
            return frame, ""
    if not units:
        return frame, ""
    columns = {name: cells.slice(1) for name, cells in frame.columns.items()}
    shown = ", ".join(f"{name} in {unit}" for name, unit in list(units.items())[:4])
    skipped = [*frame.skipped, (f"row {frame.rows[0]}", "it holds units")]
    remaining = replace(frame, columns=columns, rows=frame.rows[1:], skipped=skipped)
    return remaining, f"the first row holds units and is left out: {shown}"


def _is_unit(cell: str) -> bool:
    """Whether a cell is a unit: a known one, a product of such, or a word in brackets.

    >>> [_is_unit(cell) for cell in ("kg", "[count]", "m s-1", "m2", "York", "12")]
    [True, True, True, True, False, False]
    """
    if BRACKETED.fullmatch(cell):
        return True
    parts = [part.rstrip("0123456789-+^²³") for part in re.split(r"[ */·]", cell)]
    return bool(cell) and all(part in (*numbers.UNITS, *numbers.CURRENCIES) for part in parts)


def all_traits(frame: Frame) -> dict[str, Traits]:
    """The traits of every column of a frame."""
    traits = {name: traits_of(name, cells, frame) for name, cells in frame.columns.items()}
    if not any(each.column.form.startswith(",") for each in traits.values()):
        return traits
    for name, each in traits.items():
        if each.column.form == numbers.PLAIN and each.column.role == "number":
            read = numbers.with_dots_between_thousands(frame.columns[name])
            if read is not None:
                traits[name] = _numeric(replace(each.column, form=read.form, note=_written(read)), read.values)
    return traits


def traits_of(name: str, cells: Cells, frame: Frame) -> Traits:
    """The traits of a column; its role is the one it would have in a table."""
    kind = kind_of(cells)
    if kind in ("boolean", "integer", "float"):
        return _of_numbers(name, cells, kind)
    if kind == "string":
        return _of_strings(name, cells, frame)
    if kind == "mixed":
        return _of_mixed(name, cells, frame)
    if kind in ("picture", "bytes"):
        return _of_encoded(name, cells, kind)
    missing = cells.null_count
    present = len(cells) - missing
    if kind == "time":
        return Traits(Column(name, "time", "time", missing), present, compute.count_distinct(cells).as_py())
    if kind == "empty":
        return Traits(Column(name, "ignore", "empty", missing, "empty"), 0, 0)
    if kind == "list":
        return _of_lists(name, cells, present, missing)
    return Traits(Column(name, "ignore", "list of numbers" if kind == "numbers" else kind, missing), present, present)


def _of_encoded(name: str, cells: Cells, kind: str) -> Traits:
    """A column of bytes, which are pictures if one of the first is."""
    present = len(cells) - cells.null_count
    if any(_is_encoded(cell) for cell in cells.drop_null().slice(0, OPENED).to_pylist()):
        return Traits(Column(name, "path", "picture", cells.null_count), present, present)
    type_name = "record" if kind == "picture" else kind
    return Traits(Column(name, "ignore", type_name, cells.null_count), present, present)


def _is_encoded(cell: Any) -> bool:
    """Whether bytes are a picture file, or, without bytes, the path beside them is of one."""
    data = cell["bytes"] if isinstance(cell, dict) else cell
    if data is None:
        return is_picture_name(str(cell["path"]))
    try:
        header(io.BytesIO(data))
    except Exception:  # decoders may raise anything for unrelated bytes
        return False
    return True


def _of_numbers(name: str, cells: Cells, kind: str) -> Traits:
    numeric = cells.cast(pa.int8()) if kind == "boolean" else cells
    values = compute.fill_null(numeric.cast(pa.float64(), safe=False), np.nan).to_numpy(zero_copy_only=False)
    if kind == "integer" and (np.abs(values) > EXACT).any():
        words = numeric.cast(pa.string()).drop_null()
        return _of_words(name, words, int(numeric.null_count), compute.count_distinct(words).as_py())
    return _numeric(Column(name, "number", kind, form=BOOLEAN if kind == "boolean" else ""), values)


def _numeric(column: Column, values: np.ndarray) -> Traits:
    present = values[~np.isnan(values)]
    distinct = len(np.unique(present))
    missing = len(values) - len(present)
    if distinct <= 1:
        note = f"constant, {present[0]:g}" if distinct else "empty"
        return Traits(replace(column, role="ignore", missing=missing, note=note), len(present), distinct)
    note = ", ".join(part for part in (column.note, _extreme(present)) if part)
    integral = bool((present == np.floor(present)).all())
    return Traits(replace(column, missing=missing, note=note), len(present), distinct, integral=integral)


def _extreme(present: np.ndarray) -> str:
    """A note on a value so large that all others are equal after standardisation."""
    sizes = np.abs(present[np.isfinite(present)])
    usual = float(np.median(sizes)) if len(sizes) else 0.0
    if usual > 0 and sizes.max() > 1e6 * usual:
        return f"its largest is {sizes.max():g}, its median {usual:g}"
    return ""


def _of_strings(name: str, cells: Cells, frame: Frame) -> Traits:
    plain = compute.utf8_trim_whitespace(cells.cast(pa.string()))
    present = plain.filter(compute.not_equal(plain, ""))
    missing = len(cells) - len(present)
    distinct = compute.count_distinct(present).as_py()
    if not len(present):
        return Traits(Column(name, "ignore", "empty", missing, "empty"), 0, 0)
    if _are_truths(present, distinct):
        values = np.asarray(compute.is_in(compute.utf8_lower(present), value_set=pa.array(TRUE))).astype(np.float64)
        result = _numeric(Column(name, "number", "boolean", form=BOOLEAN), values)
        return replace(result, column=replace(result.column, missing=missing))
    if in_short(present) is not None:
        return _of_lists(name, present, len(present), missing)
    read = numbers.infer(cells, comma_first=frame.semicolons)
    if read is not None:
        note = _written(read)
        known_values = read.values[~np.isnan(read.values)]
        kind = "integer" if (known_values == np.floor(known_values)).all() else "float"
        return _numeric(Column(name, "number", kind, note=note, form=read.form), read.values)
    moments = times.infer(cells)
    if moments is not None:
        note = f"read as {moments.form}, day before month" if moments.doubtful else ""
        column = Column(name, "time", "time", int(np.isnan(moments.values).sum()), note, moments.form)
        return Traits(column, len(present), distinct)
    return _of_words(name, present, missing, distinct)


def _are_truths(present: Any, distinct: int) -> bool:
    if distinct > 4:
        return False
    words = {each.lower() for each in compute.unique(present).to_pylist()}
    return len(words) > 1 and (words <= {"true", "false"} or words <= {"yes", "no"})


def _written(read: numbers.Numbers) -> str:
    """A note on the format of a column's numbers, where it is not obvious."""
    marks, _, unit = read.form.partition("|")
    parts = ["decimal comma" if marks[0] == "," else "", f"'{marks[1]}' between thousands" if len(marks) > 1 else ""]
    parts += [
        f"in {unit}" if unit else "",
        f"{', '.join(map(repr, read.stray))} counts as missing" if read.stray else "",
    ]
    return ", ".join(part for part in parts if part)


def _of_lists(name: str, cells: Cells, present: int, missing: int) -> Traits:
    """A column of lists: dialogues are texts; lists of strings are, if the user names them."""
    summary = in_short(cells)
    if summary is None:
        return Traits(Column(name, "ignore", "list", missing), present, present)
    note, words, dialogues = summary
    return Traits(Column(name, "text" if dialogues else "ignore", "list", missing, note), present, present, words)


def _of_words(name: str, present: Any, missing: int, distinct: int) -> Traits:
    some = present.take(pa.array(spread(len(present), SAMPLED))).to_pylist()
    words = float(np.mean([_words(each) for each in some]))
    if np.mean([is_picture_name(each) for each in some]) > 0.9:
        return Traits(Column(name, "path", "string", missing), len(present), distinct, words)
    most = 2 * distinct > len(present)
    differing = most or (distinct > VALUES and (distinct >= DIFFERING * len(present) or words > SENTENCES))
    if words >= WORDY and (distinct > 1 or len(present) == 1) and differing:
        column = Column(name, "text", "string", missing, f"{words:.0f} words on average")
    elif distinct == 1:
        column = Column(name, "ignore", "string", missing, f"constant, {some[0][:20]}")
    elif distinct == len(present):
        column = Column(name, "ignore", "string", missing, "all differ")
    else:
        column = Column(name, "category", "string", missing, f"of {distinct:,}")
    return Traits(column, len(present), distinct, words)


def _words(cell: str) -> float:
    """The number of words in a text, also for scripts without spaces between them."""
    unspaced = len(UNSPACED.findall(cell))
    return unspaced / 2 + len(UNSPACED.sub(" ", cell).split()) if unspaced else len(cell.split())


def _of_mixed(name: str, cells: Cells, frame: Frame) -> Traits:
    """A column of a type that arrow does not have: mixed types are strings; lists and records are not used."""
    values = values_of(cells)
    missing = sum(value is None for value in values)
    if holds_lists(cells):
        result = _of_lists(name, cells, len(values) - missing, missing)
        return replace(result, column=replace(result.column, type="mixed"))
    result = _of_strings(name, pa.array(words_in(name, cells, frame.called)), frame)
    note = ", ".join(part for part in (result.column.note, "values of several types") if part)
    return replace(result, column=replace(result.column, note=note))
