"""How data is read where the default is wrong: the user's options for columns, files, axes and ranges.

A model keeps these options, and later data is read with them. ``None`` infers each from the data.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterpoint.errors import PlanError, listed, option
from counterpoint.plans import Choices, choice

QUOTINGS = ("auto", "none", "standard")
TOKENS = ("words", "spaces")
AXES = ("auto", "first", "last")


@dataclass(frozen=True, kw_only=True)
class ReadOptions(Choices):
    """Every choice of how a source is read.

    >>> ReadOptions(without="ill").without
    'ill'
    >>> ReadOptions(channel_axis="middle")
    Traceback (most recent call last):
    counterpoint.errors.PlanError: channel_axis is one of auto, first, last. Got 'middle'.
    """

    column: str | None = choice(None, "Columns to learn from, separated by commas; inferred when left out.")
    without: str | None = choice(None, "Columns not to learn from, separated by commas.")
    schema: str | None = choice(
        None,
        "Roles of columns where they are inferred wrongly, such as 'zip:category, note:ignore'. Roles: text, number, "
        "category, label, id, group, time, path, pair, score, ignore.",
    )
    id: str | None = choice(None, "The column with the names of items; for series, of the series of each row.")
    time: str | None = choice(None, "The column of times, by which the steps of a series are sorted.")
    groups: str | None = choice(
        None,
        "Groups of items that no split separates, such as patient or speaker: a column; folder, for the folder below "
        "that of the class; an .npy file with one entry per item; or a .csv file of name and group.",
    )
    label_first: bool = choice(False, "The first column is a label, as in files of the UCR archive.")
    header: bool = choice(True, "Whether the first line of a file of columns holds their names.")
    encoding: str | None = choice(None, "Encoding of text files, such as cp1252, gbk, shift_jis; detected if None.")
    quoting: str = choice(
        "auto",
        "Quotation marks in a file of columns: none if they are part of the text, standard if cells may span several "
        "lines, or auto to decide and ask if it is unclear.",
    )
    min_count: int | None = choice(
        None, "How often a whole word must occur to be in the vocabulary; None for 5, or 2 in small texts.", low=1
    )
    tokens: str = choice(
        "words", "words, or spaces for text that is tokenised already: then case and punctuation stay as they are."
    )
    range: str | None = choice(
        None, "Pixel values of black and of full brightness, such as 0,4095; measured when left out."
    )
    channel_axis: str = choice(
        "auto", "The channel axis of an array: first (n, c, ...), last (n, ..., c), or auto for the shorter axis."
    )
    window: int | None = choice(
        None, "Steps of a window: then items are windows of long series, and not whole series.", low=1
    )
    stride: int = choice(1, "Steps from one window to the next.", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, allowed in (("quoting", QUOTINGS), ("tokens", TOKENS), ("channel_axis", AXES)):
            if getattr(self, name) not in allowed:
                raise PlanError(f"{option(name)} is one of {listed(allowed)}. Got {getattr(self, name)!r}.")

    @classmethod
    def given(cls, choices: Mapping[str, Any]) -> ReadOptions:
        """The options from arguments of a verb, where lists, mappings and pairs may replace the text of each.

        >>> ReadOptions.given({"schema": {"zip": "category"}, "without": ["a", "b"], "range": (0, 4095)}).schema
        'zip:category'
        """
        named = {name: value for name, value in choices.items() if name != "groups" or listed_groups(value) is None}
        return cls.of({name: _as_text(value) for name, value in named.items()})


FOLDER = "folder"
"""Labels or groups that are given by the folders of the items."""


def names_column(groups: str) -> bool:
    """Whether groups can only be a column: they are neither ``folder`` nor a file.

    >>> names_column("patient"), names_column("folder"), names_column("patients.npy")
    (True, False, False)
    """
    return groups != FOLDER and not groups.lower().endswith((".npy", ".csv"))


def listed_groups(groups: object) -> object:
    """Groups given as a list, which a model cannot keep as an option; None where they are named."""
    return None if isinstance(groups, str | None) else groups


AS_IT_IS = ReadOptions()
"""Default options: everything is inferred."""


def _as_text(value: Any) -> Any:
    """An option as the command line spells it."""
    if isinstance(value, Mapping):
        return joined_columns(f"{name}:{role}" for name, role in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return joined_columns(value)
    return value


def as_words(options: ReadOptions) -> list[str]:
    """The equivalent options of the command line.

    >>> as_words(ReadOptions(without="ill", header=False, min_count=3))
    ['--without', 'ill', '--no-header', '--min-count', '3']
    """
    words: list[str] = []
    for name, value in options.record().items():
        if value == getattr(ReadOptions, name):
            continue
        spelled = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{spelled}" if value else f"--no-{spelled}")
        else:
            words += [f"--{spelled}", str(value)]
    return words


def named_columns(listing: str | None) -> list[str]:
    """The columns in an option, separated by commas; a name with a comma is quoted.

    >>> named_columns('age, "price, net"'), named_columns(None)
    (['age', 'price, net'], [])
    """
    if listing is None:
        return []
    return [name.strip() for name in next(csv.reader([listing], skipinitialspace=True)) if name.strip()]


def joined_columns(names: Iterable[object]) -> str:
    """Names of columns as an option spells them.

    >>> joined_columns(["age", "price, net"])
    'age,"price, net"'
    """
    return ",".join(f'"{name}"' if "," in str(name) else str(name) for name in names)


@dataclass(frozen=True)
class DataOptions:
    """The user's options for a modality; None and 'auto' leave the choice to the data."""

    kind: str = "auto"
    """The kind of data, where the user stated it."""
    views: str | Callable[..., Any] = "auto"
    view_size: int | None = None
    data: ReadOptions = AS_IT_IS
    labels: object = None
    """The labels that the user named: a column of that name is not used as a feature."""
    groups: object = None
    """The group of every item, where groups were listed instead of named in ``data``."""
    encoder: str = "auto"
    weights: str | None = None
    """The file of weights that the encoder starts from."""
    preprocessing: Mapping[str, Any] | None = None
    """The preprocessing of pictures that a custom network declares."""
    pairs: Sequence[str] = ()
    """The columns of pairs: anchors, their positives, and hard negatives."""
    compares_items: bool = True
    """Whether items will be compared with each other, so that duplicates among them matter."""
    progress: Callable[[int, int], None] | None = None
    """Progress: called with the number of decoded items and of all items, where decoding takes time."""
