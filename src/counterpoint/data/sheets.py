"""Frames with their schema: which kind of data columns hold, which of them are learned from, and what the others are.

Where that is in doubt, one sentence asks instead of guessing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from counterpoint.data import numbers
from counterpoint.data.frames import Cells, Frame, is_columns, read_frame
from counterpoint.data.inference import SENTENCES, Traits, all_traits, traits_of, without_units
from counterpoint.data.schema import Column, Schema, no_column, numbers_in, parsed_roles, words_in
from counterpoint.errors import SourceError, listed
from counterpoint.kinds import Wishes
from counterpoint.options import DataOptions, named_columns

ID_NAMES = ("id", "series", "index", "name", "key", "", "unnamed: 0", "doc", "document", "file", "path")
"""What people and pandas call the column that names the rows."""

ID = re.compile(
    r"(?i:(^|[_ .-]|doc|user|item|row|case|record|sample|product|customer|passage|query|image|corpus)id)$|[a-z](Id|ID)$"
)
"""What else its name ends in."""

LABEL_NAMES = ("label", "labels", "class", "target", "ground_truth")

SERIES_NAMES = ("id", "series")
TIME_NAME = "time"

BESIDE = 2
"""Columns of numbers beside which a column of a few words is still what the source is about."""

MANY = 5
"""Columns of numbers beside which nobody can say whether sentences or they are to be learned from."""

NOTHING = Wishes()

LEARNED = {"table": ("number", "category", "time"), "text": ("text",), "image": ("path",), "series": ("number",)}
"""The roles that each kind of data learns from."""


@dataclass(frozen=True)
class Sheet:
    """Columns as they are written, what each of them is, and which kind of data they hold."""

    frame: Frame
    schema: Schema
    kind: str

    def cells(self, name: str) -> Cells:
        """The cells of a column."""
        if name not in self.frame.columns:
            raise no_column(name, self.frame.columns)
        return self.frame.columns[name]

    def numbers(self, name: str) -> Float64[np.ndarray, " n"]:
        """A column of numbers or times, NaN where one is missing."""
        return numbers_in(self.schema.named(name), self.cells(name), self.frame.called)

    def words(self, name: str) -> list[str]:
        """A column as strings, "" where one is missing."""
        return words_in(name, self.cells(name), self.frame.called)

    def names(self) -> list[str]:
        """What the rows are called: by the column for that, else by their places in the source."""
        called = self.schema.of_role("id")
        words = self.words(called[0]) if called and called[0] in self.frame.columns else []
        unique = len(set(words)) == len(self.frame) and "" not in words
        return words if unique else [str(row) for row in self.frame.rows.tolist()]

    def labels(self) -> list[str | None] | None:
        """What the column of labels says of every row, None where it is empty; None where there is no such column."""
        called = self.schema.of_role("label")
        if len(called) != 1 or called[0] not in self.frame.columns:
            return None
        if called[0] in self.frame.classes:
            return self.frame.labels(called[0])
        return [word or None for word in self.words(called[0])]


def read_sheet(source: object, wishes: Wishes = NOTHING, kind: str = "auto") -> Sheet:
    """The columns of a source and what they are.

    Args:
        source: A file of columns, a data frame, a dictionary of columns.
        wishes: What a person said of the columns: in options, or by naming them as labels or pairs.
        kind: The kind of data that they hold; inferred with ``auto``.

    Raises:
        SourceError: They cannot be read, a column is not there, or it is in doubt what is to be learned from.
    """
    if isinstance(source, Sheet):
        return source
    frame, units = without_units(read_frame(source, wishes.data))
    if units:
        frame = replace(frame, notes=[*frame.notes, units])
    roles = _given_roles(frame, wishes)
    wanted = named_columns(wishes.data.column)
    traits = all_traits(frame)
    kind = _kind(traits, roles, wanted) if kind == "auto" else kind
    if kind == "text":
        roles |= _text_column(traits, roles, wanted)
    columns = [_settled(name, traits[name], roles, wanted, kind) for name in traits]
    columns = [_as_number(column, frame) if roles.get(column.name) == "number" else column for column in columns]
    return Sheet(frame, Schema(_one_id(columns, traits, roles, kind)), kind)


def _given_roles(frame: Frame, wishes: Wishes) -> dict[str, str]:
    """The roles that a person settled.

    Raises:
        SourceError: There is no such column.
    """
    options, pairs = wishes.data, wishes.pairs
    roles = dict.fromkeys(pairs, "pair")
    if isinstance(wishes.labels, str) and wishes.labels in frame.columns:
        roles[wishes.labels] = "score" if pairs else "label"
    if options.label_first:
        roles[next(iter(frame.columns))] = "label"
    roles |= dict.fromkeys(named_columns(options.without), "ignore")
    roles |= {name: role for name, role in ((options.id, "id"), (options.time, "time")) if name is not None}
    roles |= parsed_roles(options.schema)
    for name in (*roles, *named_columns(options.column)):
        if name not in frame.columns:
            raise no_column(name, frame.columns)
    return roles


def later_sheet(source: object, schema: Schema, kind: str, options: DataOptions) -> Sheet:
    """Further data, read by the schema of the training data."""
    if isinstance(source, Sheet):
        return source
    frame, _ = without_units(read_frame(source, options))
    frame = replace(frame, notes=[*frame.notes, *schema.changes(frame)])
    if set(schema.of_role("id")) & set(frame.columns):
        return Sheet(frame, schema, kind)
    known = {column.name for column in schema.columns}
    new = (name for name in frame.columns if name not in known and _is_id(name))
    called = next((name for name in new if traits_of(name, frame.columns[name], frame).unique), None)
    columns = [column for column in schema.columns if column.role != "id"]
    return Sheet(frame, Schema([*columns, Column(called, "id", "string")] if called else columns), kind)


def sheet_of(source: object) -> Sheet | None:
    """The sheet of a source that has columns; None of any other."""
    if isinstance(source, Sheet):
        return source
    return read_sheet(source) if is_columns(source) else None


def _kind(traits: Mapping[str, Traits], roles: Mapping[str, str], wanted: Sequence[str]) -> str:
    """Which kind of data columns hold."""
    open_to = {name: traits[name] for name in wanted or traits if wanted or name not in roles}
    learned = {role for name, role in roles.items() if role in ("text", "path", "pair")}
    if learned & {"pair", "text"}:
        return "text"
    types = {each.column.type for each in open_to.values()}
    if "path" in learned or types & {"picture"} or any(each.column.role == "path" for each in open_to.values()):
        return "image"
    if "list of numbers" in types or _is_long(traits, roles):
        return "series"
    if wanted:
        return "text" if all(_may_be_text(each) for each in open_to.values()) else "table"
    return _text_or_table(open_to)


def _may_be_text(trait: Traits) -> bool:
    """Whether a column that is named for learning is one of texts, and not of numbers or a few categories."""
    strings = trait.column.type in ("string", "list") and trait.column.role in ("text", "category", "ignore")
    return strings and (trait.column.role == "text" or trait.column.type == "list" or 2 * trait.distinct > trait.known)


def _text_or_table(traits: Mapping[str, Traits]) -> str:
    others = {name: each for name, each in traits.items() if not (_is_id(name) and each.unique)}
    texts = [name for name, each in others.items() if each.column.role == "text"]
    features = [
        name
        for name, each in others.items()
        if (each.column.role in ("number", "category", "time") or each.column.type in ("integer", "float"))
        and not (each.few and each.distinct > 1)
        and name.lower() not in LABEL_NAMES
    ]
    if not texts:
        return "text" if _single_words(traits) else "table"
    longest = max(traits[name].words for name in texts)
    if len(features) <= (BESIDE if longest < SENTENCES else MANY):
        return "text"
    if longest < SENTENCES:
        return "table"
    raise SourceError(
        f"The source holds sentences ('{texts[0]}') beside {len(features)} columns of numbers and categories "
        f"({listed(features, 5)}). Say which is learned from: --column {texts[0]}, or --modality table."
    )


def _single_words(traits: Mapping[str, Traits]) -> bool:
    """Whether all there is to learn from is one column of strings, names of rows aside: texts of a word each."""
    others = [
        name
        for name, each in traits.items()
        if each.column.role in ("number", "category", "time") and not (_is_id(name) and each.unique)
    ]
    return not others and len(_differing(traits)) == 1


def _differing(traits: Mapping[str, Traits]) -> list[str]:
    """The columns of strings that all differ and are no names of rows."""
    return [name for name, each in traits.items() if each.column.note == "all differ" and not _is_id(name)]


def _text_column(traits: Mapping[str, Traits], roles: Mapping[str, str], wanted: Sequence[str]) -> dict[str, str]:
    """The column with the text where a person named none: the one of most words; all others of text are said."""
    if wanted or {"text", "pair"} & set(roles.values()):
        return {}
    texts = [name for name, each in traits.items() if each.column.role == "text" and name not in roles]
    if not texts:
        strings = [name for name, each in traits.items() if each.column.type == "string" and name not in roles]
        texts = [name for name in _differing(traits) if name in strings] or [
            name for name in strings if not _is_id(name)
        ]
    if len(texts) != 1 and not any(traits[name].column.role == "text" for name in texts):
        raise SourceError(f"No column holds text of several words. Say which with --column: {listed(traits)}.")
    return {max(texts, key=lambda name: traits[name].words): "text"}


def _is_long(traits: Mapping[str, Traits], roles: Mapping[str, str]) -> bool:
    """Whether a row is a step of a series: a column says whose, and another says when."""
    called = {name: name.lower() for name in traits}
    times = [name for name in traits if roles.get(name) == "time" or (name not in roles and called[name] == TIME_NAME)]
    series = [
        name for name in traits if roles.get(name) == "id" or (name not in roles and called[name] in SERIES_NAMES)
    ]
    return bool(times) and any(traits[name].distinct < traits[name].known for name in series)


def _is_id(name: str) -> bool:
    """Whether a column is called as one that names the rows.

    >>> [_is_id(name) for name in ("id", "doc_id", "userId", "docid", "said")]
    [True, True, True, True, False]
    """
    return name.lower() in ID_NAMES or ID.search(name) is not None


def _settled(name: str, trait: Traits, roles: Mapping[str, str], wanted: Sequence[str], kind: str) -> Column:
    """What a column is for, in a source of this kind."""
    column = trait.column
    if name in wanted:
        return _as_asked(column, LEARNED[kind][0] if column.role not in LEARNED[kind] else column.role)
    if name in roles:
        note = "left out, as you say" if roles[name] == "ignore" else column.note
        return _as_asked(replace(column, note=note), roles[name])
    if trait.unique and _is_id(name) and column.role != "path":
        return replace(column, role="id", note="")
    if name.lower() in LABEL_NAMES and kind != "series" and not trait.unique:
        return replace(column, role="label", note=f"of {trait.distinct:,}")
    if kind == "table":
        return _in_table(column, trait) if not wanted else _beside(column, trait)
    if kind == "series" and not wanted:
        return _of_series(column, trait)
    if kind == "text" and column.role == "text":
        return replace(column, role="ignore", note=f"text; --column {name} learns from it")
    return column if column.role in LEARNED[kind] and not wanted else _beside(column, trait)


def _of_series(column: Column, trait: Traits) -> Column:
    """A column of series: whose step a row is, when it was, or what was measured."""
    called = column.name.lower()
    if called in SERIES_NAMES and trait.distinct < trait.known:
        return replace(column, role="id", note=f"of {trait.distinct:,} series")
    if called == TIME_NAME and column.role in ("number", "time"):
        return replace(column, role="time")
    if column.type in ("list of numbers", "integer", "float", "boolean"):
        return replace(column, role="number")  # also one that is constant: a step of all series
    return column if column.role in LEARNED["series"] else _beside(column, trait)


def _as_asked(column: Column, role: str) -> Column:
    """A column in a role that a person gave it.

    Raises:
        SourceError: It cannot have that role.
    """
    if role in ("number", "category", "time") and column.type in ("list", "record", "picture", "bytes"):
        raise SourceError(f"The column '{column.name}' holds a {column.type} in each row, and no {role}. Leave it out.")
    if role == "time" and column.type == "string":
        raise SourceError(f"The column '{column.name}' holds strings that are no times. Give it another role.")
    return replace(column, role=role)


def _as_number(column: Column, frame: Frame) -> Column:
    """A column of strings that a person calls numbers, such as codes with leading zeros."""
    if column.type != "string":
        return column
    read = numbers.infer(frame.columns[column.name], comma_first=frame.semicolons, codes=True)
    if read is None:
        raise SourceError(f"The column '{column.name}' holds strings that are no numbers. Give it another role.")
    return replace(column, type="float", form=read.form, missing=read.missing, note="")


def _in_table(column: Column, trait: Traits) -> Column:
    """A column of a table: texts that repeat themselves are categories, others are not learned from."""
    if column.role == "text" and trait.words < SENTENCES and trait.distinct < trait.known:
        return replace(column, role="category", note=f"of {trait.distinct:,}")
    if column.role in ("text", "path"):
        return replace(column, role="ignore", note=f"{column.role}; --column {column.name} learns from it")
    return column


def _beside(column: Column, trait: Traits) -> Column:
    """A column beside those that are learned from: its values may be classes, or it is nothing to this kind of data."""
    if column.role in ("number", "category") and trait.few:
        return replace(column, role="label", note=f"of {trait.distinct:,}")
    if column.role == "ignore":
        return column
    return replace(column, role="ignore", note=f"{column.role}, not learned from")


def _one_id(
    columns: Sequence[Column], traits: Mapping[str, Traits], roles: Mapping[str, str], kind: str
) -> list[Column]:
    """At most one column that names the rows; in a table or of series also the first, of strings that all differ."""
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
