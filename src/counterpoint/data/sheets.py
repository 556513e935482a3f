"""Frames with their schema: the modality of columns, the columns to learn from, and the roles of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float64

from counterpoint.data import long_form
from counterpoint.data.column_types import LISTS, SENTENCES, Traits, all_traits, traits_of, without_units
from counterpoint.data.frames import Cells, Frame, is_columns, read_frame
from counterpoint.data.modality_detection import LABEL_NAMES, as_number, is_id, kind_in, text_column
from counterpoint.data.schema import Column, Schema, no_column, numbers_in, parsed_roles, words_in
from counterpoint.errors import SourceError
from counterpoint.modality import DataOptions
from counterpoint.plans.data_options import ReadOptions, named_columns, names_column

NOTHING = DataOptions()

LEARNED = {"table": ("number", "category", "time"), "text": ("text",), "image": ("path",), "series": ("number",)}
"""The roles that each modality learns from."""


@dataclass(frozen=True)
class Sheet:
    """Columns as written, the type and role of each, and their modality."""

    frame: Frame
    schema: Schema
    kind: str
    remarks: list[str] = field(default_factory=list, compare=False)
    """Notes from reading cells."""

    def cells(self, name: str) -> Cells:
        """The cells of a column."""
        if name not in self.frame.columns:
            raise no_column(name, self.frame.columns)
        return self.frame.columns[name]

    def numbers(self, name: str) -> Float64[np.ndarray, " n"]:
        """A column of numbers or times, NaN where missing."""
        values, stray = numbers_in(self.schema.named(name), self.cells(name), self.frame.called)
        if stray:
            self.remarks.append(f"{name}: {', '.join(map(repr, stray))} counts as missing")
        return values

    def words(self, name: str) -> list[str]:
        """A column as strings, "" where missing."""
        return words_in(name, self.cells(name), self.frame.called)

    def names(self) -> list[str]:
        """The names of the rows: by the column for that, else by the index of the frame, else by their indices."""
        called = self.schema.of_role("id")
        words = self.words(called[0]) if called and called[0] in self.frame.columns else []
        unique = len(set(words)) == len(self.frame) and "" not in words
        rows, index = self.frame.rows.tolist(), self.frame.index
        return words if unique else [str(row) if index is None else index[row] for row in rows]

    def labels(self) -> list[str | None] | None:
        """The label of every row, None where empty; None where there is no such column."""
        called = self.schema.of_role("label")
        if len(called) != 1 or called[0] not in self.frame.columns:
            return None
        if called[0] in self.frame.classes:
            return self.frame.labels(called[0])
        return [word or None for word in self.words(called[0])]


def read_sheet(source: object, options: DataOptions = NOTHING, kind: str = "auto") -> Sheet:
    """The columns of a source and their types and roles.

    Args:
        source: A file of columns, a data frame, a dictionary of columns.
        options: What the user set about columns: in options, or by naming them as labels or pairs.
        kind: The modality; inferred with ``auto``.

    Raises:
        SourceError: They cannot be read, a column is missing, or it is unclear what to learn from.
    """
    if isinstance(source, Sheet):
        return source
    frame, units = without_units(read_frame(source, options.data))
    if units:
        frame = replace(frame, notes=[*frame.notes, units])
    roles = _given_roles(frame, options)
    wanted = named_columns(options.data.column)
    traits = all_traits(frame)
    if kind == "auto":
        kind = kind_in(frame, traits, roles, options.data)
    requested = {**roles, **dict.fromkeys(wanted, "learned")}
    if kind == "text":
        roles |= text_column(traits, roles, wanted)
    if kind == "series":
        roles |= long_form.roles_in_series(frame, traits, requested)
    long_form.require_times(frame, traits, roles)
    columns = [_settled(name, traits[name], roles, wanted, kind) for name in traits]
    strings = [name for name in requested if roles.get(name) == "number" or (name in wanted and kind == "series")]
    columns = [as_number(column, frame) if column.name in strings else column for column in columns]
    columns = _one_id(columns, traits, roles, kind)
    if kind == "series":
        columns = long_form.described(columns, frame, traits, requested)
    return Sheet(frame, Schema(tuple(columns)), kind)


def _given_roles(frame: Frame, options: DataOptions) -> dict[str, str]:
    """The roles that the user set.

    Raises:
        SourceError: There is no such column.
    """
    reading, pairs = options.data, options.pairs
    roles = dict.fromkeys(pairs, "pair")
    if isinstance(options.labels, str) and options.labels in frame.columns:
        roles[options.labels] = "score" if pairs else "label"
    if reading.label_first:
        roles[next(iter(frame.columns))] = "label"
    if reading.groups is not None and (reading.groups in frame.columns or names_column(reading.groups)):
        roles[reading.groups] = "group"
    roles |= dict.fromkeys(named_columns(reading.without), "ignore")
    roles |= {name: role for name, role in ((reading.id, "id"), (reading.time, "time")) if name is not None}
    roles |= parsed_roles(reading.schema)
    for name in (*roles, *named_columns(reading.column)):
        if name not in frame.columns:
            raise no_column(name, frame.columns)
    return roles


def later_sheet(source: object, schema: Schema, kind: str, options: ReadOptions) -> Sheet:
    """Further data, read by the schema of the training data."""
    if isinstance(source, Sheet):
        return source
    frame, _ = without_units(read_frame(source, options))
    frame = replace(frame, notes=[*frame.notes, *schema.changes(frame)])
    if set(schema.of_role("id")) & set(frame.columns):
        return Sheet(frame, schema, kind)
    named = {name: traits_of(name, frame.columns[name], frame) for name in schema.unseen(frame) if is_id(name)}
    called = next((name for name, each in named.items() if each.distinct == len(frame)), None)
    columns = [column for column in schema.columns if column.role != "id"]
    return Sheet(frame, Schema((*columns, Column(called, "id", "string")) if called else tuple(columns)), kind)


def sheet_of(source: object) -> Sheet | None:
    """The sheet of a source with columns; None for any other."""
    return read_sheet(source) if is_columns(source) else None


def _settled(name: str, trait: Traits, roles: Mapping[str, str], wanted: Sequence[str], kind: str) -> Column:
    """The role of a column, in a source of this modality."""
    column = trait.column
    if name in wanted:
        usual = "category" if kind == "table" and column.type == "string" else LEARNED[kind][0]
        return _in_role(column, column.role if column.role in LEARNED[kind] else usual)
    if name in roles:
        counted = f"of {trait.distinct:,}"
        note = {"ignore": "left out, as you say", "label": counted, "group": counted}.get(roles[name], column.note)
        return _in_role(replace(column, note=note), roles[name])
    if (
        (trait.unique or (trait.present == 1 and not column.missing))
        and is_id(name)
        and column.role != "path"
        and column.type not in LISTS
    ):
        return replace(column, role="id", note="")
    if name.lower() in LABEL_NAMES and not trait.unique and column.type not in LISTS:
        return replace(column, role="label", note=f"of {trait.distinct:,}")
    if kind == "table":
        return _in_table(column, trait) if not wanted else _beside(column, trait)
    if kind == "series" and not wanted and column.type in long_form.NUMBERS:
        return replace(column, role="number")  # also if it is constant: a step of all series
    if kind == "text" and column.role == "text":
        return replace(column, role="ignore", note=f"text; --column {name} learns from it")
    return column if column.role in LEARNED[kind] and not wanted else _beside(column, trait)


def _in_role(column: Column, role: str) -> Column:
    """A column in a role that the user set.

    Raises:
        SourceError: It cannot have that role.
    """
    if role in ("number", "category", "time") and column.type in ("list", "record", "picture", "bytes"):
        raise SourceError(f"The column '{column.name}' holds a {column.type} in each row, and no {role}. Leave it out.")
    if role == "time" and column.type == "string":
        raise SourceError(f"The column '{column.name}' holds strings that are no times. Give it another role.")
    if role == "text" and column.note.startswith("lists of"):
        return replace(column, role=role, note=f"{column.note}, joined by a space")
    return replace(column, role=role)


def _in_table(column: Column, trait: Traits) -> Column:
    """A column of a table: texts with repeated values are categories, others are not learned from."""
    if column.role == "text" and trait.words < SENTENCES and trait.distinct < trait.present:
        return replace(column, role="category", note=f"of {trait.distinct:,}")
    if column.role in ("text", "path"):
        return replace(column, role="ignore", note=f"{column.role}; --column {column.name} learns from it")
    return column


def _beside(column: Column, trait: Traits) -> Column:
    """A column beside those that are learned from: its values may be classes, or it is ignored."""
    if column.role in ("number", "category") and trait.sparse:
        return replace(column, role="label", note=f"of {trait.distinct:,}")
    if column.role == "ignore":
        return column
    return replace(column, role="ignore", note=f"{column.role}, not learned from")


def _one_id(
    columns: Sequence[Column], traits: Mapping[str, Traits], roles: Mapping[str, str], kind: str
) -> list[Column]:
    """At most one column that names the rows; in tables and series possibly the first, of distinct strings."""
    chosen = next((column.name for column in columns if column.role == "id" and roles.get(column.name) == "id"), None)
    chosen = chosen or next((column.name for column in columns if column.role == "id"), None)
    if chosen is None and kind in ("table", "series"):
        first = columns[0]
        short = first.type == "string" and traits[first.name].unique and traits[first.name].words < SENTENCES
        chosen = first.name if short and first.role == "ignore" and first.name not in roles else None
    return [
        replace(column, role="id", note="")
        if column.name == chosen
        else replace(column, role="ignore", note="names rows, as another does")
        if column.role == "id"
        else column
        for column in columns
    ]
