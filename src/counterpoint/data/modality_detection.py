"""The modality of columns, and the column with the text.

In case of doubt, a sentence asks the user instead of guessing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from counterpoint.data import long_form, numbers
from counterpoint.data.column_types import LISTS, SENTENCES, Traits
from counterpoint.data.frames import Frame
from counterpoint.data.schema import Column
from counterpoint.errors import SourceError, listed
from counterpoint.plans.data_options import ReadOptions, named_columns

ID_NAMES = ("id", "series", "index", "name", "key", "", "unnamed: 0", "doc", "document", "file", "path")
"""Usual names of the column with the names of rows, by people and pandas."""

ID = re.compile(
    r"(?i:(^|[_ .-]|doc|user|item|row|case|record|sample|product|customer|passage|query|image|corpus)id)$|[a-z](Id|ID)$"
)
"""Other endings of its name."""

LABEL_NAMES = ("label", "labels", "class", "target", "ground_truth")

BESIDE = 2
"""Columns of numbers beside which a column of a few words is still the content of the source."""

MANY = 5
"""Columns of numbers beside which it is unclear whether to learn from sentences or from them."""


def kind_in(frame: Frame, traits: Mapping[str, Traits], roles: Mapping[str, str], options: ReadOptions) -> str:
    """The modality of columns.

    Raises:
        SourceError: It is unclear, or a column of times was named where no column identifies the series.
    """
    wanted = named_columns(options.column)
    open_to = {name: traits[name] for name in wanted or traits if wanted or name not in roles}
    learned = {role for name, role in roles.items() if role in ("text", "path", "pair")}
    if learned & {"pair", "text"}:
        return "text"
    types = {each.column.type for each in open_to.values()}
    if "path" in learned or types & {"picture"} or any(each.column.role == "path" for each in open_to.values()):
        return "image"
    if "list of numbers" in types or long_form.is_long(frame, traits, roles):
        return "series"
    if options.time is not None:
        raise SourceError(
            f"'{options.time}' says when a step of a series was, and no column that repeats itself says whose step it "
            f"is. Name it with --id. Columns: {listed(traits)}."
        )
    if options.label_first and long_form.is_wide(traits, roles, wanted):
        return "series"
    if wanted:
        return "text" if all(_may_be_text(each) for each in open_to.values()) else "table"
    return _text_or_table(open_to)


def _may_be_text(trait: Traits) -> bool:
    """Whether a column that is named for learning is one of texts, and not of numbers or a few categories."""
    column = trait.column
    strings = column.type in ("string", *LISTS) and column.role in ("text", "category", "ignore")
    return strings and (column.role == "text" or column.type in LISTS or 2 * trait.distinct > trait.present)


def _text_or_table(traits: Mapping[str, Traits]) -> str:
    others = {name: each for name, each in traits.items() if not (is_id(name) and each.unique)}
    texts = [name for name, each in others.items() if each.column.role == "text"]
    features = [
        name
        for name, each in others.items()
        if (each.column.role in ("number", "category", "time") or each.column.type in ("integer", "float"))
        and not (each.sparse and each.distinct > 1)
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
        f"({listed(features, 5)}). Say which is learned from: --column={texts[0]}, or --modality=table."
    )


def _single_words(traits: Mapping[str, Traits]) -> bool:
    """Whether the only features are one column of strings, names of rows aside: texts of a word each."""
    others = [
        name
        for name, each in traits.items()
        if each.column.role in ("number", "category", "time") and not (is_id(name) and each.unique)
    ]
    return not others and len(_differing(traits)) == 1


def _differing(traits: Mapping[str, Traits]) -> list[str]:
    """The columns of distinct strings that are not names of rows."""
    return [name for name, each in traits.items() if each.column.note == "all differ" and not is_id(name)]


def text_column(traits: Mapping[str, Traits], roles: Mapping[str, str], wanted: Sequence[str]) -> dict[str, str]:
    """The column with the text where the user named none: the one with most words; a note lists the others."""
    if wanted or {"text", "pair"} & set(roles.values()):
        return {}
    texts = [name for name, each in traits.items() if each.column.role == "text" and name not in roles]
    if not texts:
        strings = [name for name, each in traits.items() if each.column.type == "string" and name not in roles]
        texts = [name for name in _differing(traits) if name in strings] or [
            name for name in strings if not is_id(name)
        ]
    if len(texts) != 1 and not any(traits[name].column.role == "text" for name in texts):
        raise SourceError(f"No column holds text of several words. Say which with --column: {listed(traits)}.")
    return {max(texts, key=lambda name: traits[name].words): "text"}


def is_id(name: str) -> bool:
    """Whether a column has a usual name of one with the names of rows.

    >>> [is_id(name) for name in ("id", "doc_id", "userId", "docid", "said")]
    [True, True, True, True, False]
    """
    return name.lower() in ID_NAMES or ID.search(name) is not None


def as_number(column: Column, frame: Frame) -> Column:
    """A column of strings that the user declares to be numbers, such as codes with leading zeros."""
    if column.type != "string":
        return column
    read = numbers.infer(frame.columns[column.name], comma_first=frame.semicolons, codes=True)
    if read is None:
        raise SourceError(f"The column '{column.name}' holds strings that are no numbers. Give it another role.")
    return replace(column, type="float", form=read.form, missing=read.missing, note="")
