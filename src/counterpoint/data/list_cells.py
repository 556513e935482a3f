"""Texts in list cells: dialogues and lists of strings, also where a cell is a string that spells such a list.

A list is spelled as JSON or in Python's syntax. Other contents are refused, naming the column, the row and the
contents.
"""

from __future__ import annotations

import ast
import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np

from counterpoint.data.dialogues import Unread, is_dialogue, turns_of
from counterpoint.data.frames import Cells, Frame, is_missing, kind_of, values_of
from counterpoint.data.subset import spread
from counterpoint.errors import SourceError, listed

SAMPLED = 100
"""Cells that are examined to recognise a column."""

Read = TypeVar("Read")


def texts_of(name: str, cells: Cells, frame: Frame) -> tuple[list[str], list[str]]:
    """The text of every cell, "" where it is empty, and notes on what is left out.

    Turns of dialogues are joined by line breaks, strings of lists by spaces.

    Raises:
        SourceError: A cell is neither text, a list of strings nor a dialogue.
    """
    parts: Counter[str] = Counter()
    return each_read(name, cells, frame, partial(text_of, parts=parts)), left_out(parts, name)


def each_read(name: str, cells: Cells, frame: Frame, reading: Callable[[object], Read]) -> list[Read]:
    """The result of ``read`` for every cell.

    Raises:
        SourceError: It raised ``Unread``.
    """
    held: list[Read] = []
    for row, cell in zip(frame.rows.tolist(), values_of(cells), strict=True):
        try:
            held.append(reading(cell))
        except Unread as wrong:
            raise SourceError(
                f"The column '{name}' of {frame.called} holds {wrong} in row {row}. Expected a text, a list of strings "
                'or a dialogue: a list of turns such as {"role": "user", "content": "Hello."}, ["Ann", "Hello."] or '
                '"Hello.".'
            ) from wrong
    return held


def left_out(parts: Counter[str], name: str) -> list[str]:
    """A note on parts of messages that are not text, such as pictures."""
    return (
        [f"'{name}': parts that are no text are left out: {parts.total():,} ({listed(sorted(parts), 5)})"]
        if parts
        else []
    )


def text_of(cell: object, parts: Counter[str]) -> str:
    r"""The contents of a cell: a text, the strings of a list, or the turns of a dialogue; ``parts`` counts omissions.

    >>> text_of([["Ann", "Hello."], ["Bo", "Good morning."]], Counter()), text_of(["red", "blue"], Counter())
    ('Hello.\nGood morning.', 'red blue')
    """
    value = as_list(cell)
    if is_missing(value):
        return ""
    if isinstance(value, str):
        return value.strip()
    between = " " if is_strings(value) else "\n"
    return between.join(turn.text for turn in turns_of(value, parts))


def as_list(cell: object) -> object:
    """The list in a cell, or spelled by it if it is one of texts or records; any other cell unchanged.

    >>> as_list('[["Ann", null]]'), as_list("['it', 'is']"), as_list("[1]")
    ([['Ann', None]], ['it', 'is'], '[1]')
    """
    if isinstance(cell, tuple | np.ndarray):
        return list(cell)
    if isinstance(cell, str) and cell.strip()[:1] == "[" and cell.strip()[-1:] == "]":
        spelled = _spelled(cell.strip())
        if isinstance(spelled, list) and all(each is None or isinstance(each, str | list | dict) for each in spelled):
            return spelled
    return cell


def holds_lists(cells: Cells) -> bool:
    """Whether some cells are lists or records."""
    if kind_of(cells) == "mixed":
        return any(isinstance(cell, list | tuple | np.ndarray | Mapping) for cell in values_of(cells))
    return kind_of(cells) == "list"


def is_strings(value: object) -> bool:
    """Whether this is a list of strings, gaps allowed."""
    return isinstance(value, list) and all(isinstance(each, str) or is_missing(each) for each in value)


def in_short(cells: Cells) -> tuple[str, float, bool] | None:
    """The type of a column of lists, in words, the mean number of words per cell, and whether these are dialogues.

    None where some cells are neither lists of strings nor dialogues; for strings, where they spell no dialogues.
    """
    spelled = kind_of(cells) == "string"
    some = list(_some(cells))
    if spelled and not all(cell.strip()[:1] == "[" for cell in some):
        return None
    held = [as_list(cell) for cell in some]
    lists = [value for value in held if isinstance(value, list)]
    dialogues = any(is_dialogue(value) for value in lists)
    if not lists or (spelled and not (dialogues and len(lists) == len(held))):
        return None
    try:
        turns = [turns_of(value) for value in lists]
        words = float(np.mean([len(text_of(value, Counter()).split()) for value in held]))
    except Unread:
        return None
    count = np.mean([len(each) for each in turns])
    summary = f"dialogues of {count:.0f} turns on average" if dialogues else f"lists of {count:.0f} strings on average"
    return summary, words, dialogues


def _some(cells: Cells) -> Iterator[Any]:
    """At most a number of present cells, from the whole column."""
    present = [cell for cell in cells if not is_missing(cell)] if isinstance(cells, list) else cells.drop_null()
    places = spread(len(present), SAMPLED).tolist()
    return (present[place] if isinstance(cells, list) else present[place].as_py() for place in places)


def _spelled(cell: str) -> object:
    """The value that a string spells, as JSON or in Python's syntax; None where it is neither."""
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about invalid escape sequences
            return ast.literal_eval(cell)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
