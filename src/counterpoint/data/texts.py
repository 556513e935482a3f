"""Texts of any source: lines of a file, files of a folder, a column of a frame, a list of strings.

Empty texts are left out and said; so are lines that were not the UTF-8 they should have been. Nothing is cut here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64
from torch import Tensor

from counterpoint.data.decoded import decoded
from counterpoint.data.frames import Frame, is_columns, values_of
from counterpoint.data.listing import files_in, is_album
from counterpoint.data.packed import contents, suffix_of
from counterpoint.data.paths import existing
from counterpoint.data.sheets import Sheet, read_sheet, sheet_of
from counterpoint.door import door
from counterpoint.errors import NothingLeft, SourceError, listed
from counterpoint.files import expanded
from counterpoint.kinds import Wishes
from counterpoint.options import AS_IT_IS, DataOptions

LINES = (".txt", ".text")
"""Files of lines: one text each."""

DOCUMENTS = (*LINES, ".md", ".rst", ".html", ".tex")
"""What is a document in a folder."""

CONTEXT = 3
"""Turns of a dialogue that the next one answers."""


@dataclass(frozen=True)
class Texts:
    """n texts, none of them empty: what they say, what they are called, where in their source they stood."""

    texts: Sequence[str]
    names: Sequence[str]
    rows: Int64[np.ndarray, " n"]
    skipped: Sequence[tuple[str, str]] = ()
    """The name of every text that is left out, and why."""
    notes: Sequence[str] = ()
    """What else a person should know of how they were read."""
    labels: Sequence[str | None] | None = None
    """What the source itself says about each, None where it says nothing; None where it has no such column."""
    frame: Frame | None = field(default=None, repr=False, compare=False)
    """The columns that they stand in."""


@door
def read_texts(source: object, options: DataOptions = AS_IT_IS) -> Texts:
    """The texts of a source.

    Args:
        source: A list, an array or a column of strings; the path of a file of lines (``.txt``, also packed), or of a
            folder of documents; anything with columns.
        options: How it is read, and which of its columns hold the text.

    Raises:
        SourceError: There is no text, no such column, or the file is none of text.
    """
    if is_columns(source):
        sheet = read_sheet(source, Wishes(data=options), "text")
        return of_sheet(sheet, sheet.schema.of_role("text"))
    named = options.column or options.without or options.schema
    if named:
        raise SourceError(f"There is no column '{named}': {_said(source)} has no columns with names.")
    if isinstance(source, str | Path):
        path = existing(source)
        return _of_folder(path, options.encoding) if path.is_dir() else _of_lines(path, options.encoding)
    return _of_strings(source)


def of_sheet(sheet: Sheet, columns: Sequence[str]) -> Texts:
    """The texts in some columns of a sheet, joined by a space where several hold something."""
    frame = sheet.frame
    texts = _kept(_joined(sheet, columns).tolist(), sheet.names(), frame.notes, labels=sheet.labels())
    return replace(texts, rows=frame.rows[texts.rows], skipped=[*frame.skipped, *texts.skipped], frame=frame)


def linked_of_sheet(sheet: Sheet, columns: Sequence[str]) -> tuple[Texts, Int64[np.ndarray, "r v"]]:
    """The different texts in some columns, called by numbers, and for every row the place of each of its texts.

    One column alone holds dialogues, each a list of turns: a row is a turn, and before it what was said in the three
    turns before, or fewer. Rows in which a text is missing are left out.

    Raises:
        SourceError: There is no such column, or no whole row.
    """
    if len(columns) == 1:
        cells = _turns(sheet, columns[0])
    else:
        cells = np.stack([_joined(sheet, [name]) for name in columns], axis=1)
    empty = np.flatnonzero((cells == "").any(axis=1)).tolist()
    cells = np.delete(cells, empty, axis=0)
    if not len(cells):
        raise SourceError(f"No row has a text in each of the columns {listed(columns)}.")
    place: dict[str, int] = {}
    linked = [place.setdefault(text, len(place)) for text in cells.reshape(-1).tolist()]
    names = [str(number) for number in range(len(place))]
    skipped = [(f"row {row}", "a text is missing") for row in empty]
    texts = Texts(list(place), names, np.arange(len(place)), [*sheet.frame.skipped, *skipped], sheet.frame.notes)
    return texts, np.asarray(linked, dtype=np.int64).reshape(cells.shape)


def read_linked(source: object, columns: Sequence[str]) -> tuple[Texts, Int64[np.ndarray, "r v"]]:
    """As ``linked_of_sheet``, of a source with columns."""
    if not is_columns(source):
        raise SourceError(f"Pairs stand in columns with names, and {_said(source)} has none. Give a .csv or the like.")
    return linked_of_sheet(read_sheet(source, Wishes(pairs=tuple(columns)), "text"), columns)


def read_to_learn(
    source: object, sheet: Sheet | None, wishes: Wishes
) -> tuple[Texts, Int64[np.ndarray, "r v"] | None, list[str]]:
    """The texts to learn from, for rows of pairs which of them belong together, and the columns that hold them."""
    if sheet is None:
        if wishes.pairs:
            raise SourceError("Pairs stand in columns with names, and this source has none. Give a .csv or the like.")
        return read_texts(source, wishes.data), None, []
    pairs = list(wishes.pairs) or sheet.schema.of_role("pair")
    if not pairs:
        columns = sheet.schema.of_role("text")
        return of_sheet(sheet, columns), None, columns
    if wishes.data.column is not None:
        raise SourceError("Give --column or --pairs, not both: either names the columns with the text.")
    return *linked_of_sheet(sheet, pairs), pairs


def looks_like_texts(source: object) -> bool:
    """Whether a source is plainly of texts."""
    if isinstance(source, str | Path):
        path = expanded(source)
        if path.is_dir():
            return is_library(path)
        if suffix_of(path) in LINES:
            return True
    sheet = sheet_of(source)
    if sheet is not None:
        return sheet.kind == "text"
    strings = _strings(source)
    return strings is not None and len(strings) > 0 and all(isinstance(each, str) for each in strings)


def is_library(folder: Path) -> bool:
    """Whether a folder holds documents, and no pictures beside them."""
    return not is_album(folder) and any(_is_document(file) for file in files_in(folder, set()))


def _joined(sheet: Sheet, wanted: Sequence[str]) -> np.ndarray:
    """The cells of some columns, joined by a space where several hold something."""
    cells = [sheet.words(name) for name in wanted]
    joined = np.empty(len(sheet.frame), dtype=object)
    joined[:] = [" ".join(part.strip() for part in parts if part.strip()) for parts in zip(*cells, strict=True)]
    return joined


def _turns(sheet: Sheet, name: str) -> np.ndarray:
    """What was said before every turn of dialogues, and the turn."""
    dialogues = values_of(sheet.cells(name))
    wrong = next((row for row, each in enumerate(dialogues) if not isinstance(each, list)), None)
    if wrong is not None:
        raise SourceError(
            f"Pairs are two columns or more, such as question,answer, or one of dialogues, each a list of turns. The "
            f"column '{name}' holds {str(dialogues[wrong])[:40]!r} in row {wrong}."
        )
    spoken = [[_turn(turn) for turn in dialogue] for dialogue in dialogues]
    pairs = [
        (" ".join(turns[max(0, place - CONTEXT) : place]).strip(), turns[place])
        for turns in spoken
        for place in range(1, len(turns))
    ]
    cells = np.empty((len(pairs), 2), dtype=object)
    cells[:] = pairs
    return cells


def _turn(turn: object) -> str:
    """What is said in a turn, which may begin with who says it: "hello", or ["Ann", "hello"]."""
    return str(turn[-1] if isinstance(turn, list) and turn else turn).strip()


def _of_folder(folder: Path, encoding: str | None) -> Texts:
    found = sorted(file for file in files_in(folder, set()) if _is_document(file))
    if not found:
        raise SourceError(
            f"'{folder}' holds no documents. Their names end in {', '.join(DOCUMENTS)}, or those and .gz."
        )
    notes: list[str] = []
    texts = ["\n".join(_lines_of(file, encoding, notes.extend)) for file in found]
    return _kept(texts, [file.relative_to(folder).as_posix() for file in found], notes)


def _of_lines(path: Path, encoding: str | None) -> Texts:
    notes: list[str] = []
    return _kept(_lines_of(path, encoding, notes.extend), None, notes)


def _of_strings(source: object) -> Texts:
    strings = _strings(source)
    if strings is None:
        raise SourceError(f"Texts are a list of strings, a file or a column of them. Got {_said(source)}.")
    wrong = next((place for place, each in enumerate(strings) if not isinstance(each, str)), None)
    if wrong is not None:
        raise SourceError(f"Item {wrong} is {strings[wrong]!r}, which is no string. Give one string per item.")
    return _kept(strings, None, [])


def _strings(source: object) -> list[Any] | None:
    """What a list, an array or a column of any library holds; None where it is none of them."""
    if isinstance(source, list | tuple):
        return list(source)
    if isinstance(source, np.ndarray) and (source.ndim != 1 or source.dtype.kind not in "OU"):
        return None
    for way in ("to_pylist", "to_list", "tolist"):
        if hasattr(source, way) and not isinstance(source, Tensor):
            return list(getattr(source, way)())
    return None


def _kept(
    texts: Sequence[str],
    names: Sequence[str] | None,
    notes: Sequence[str],
    *,
    labels: Sequence[str | None] | None = None,
) -> Texts:
    """The texts that say something; those without a name are called by their place in the source."""
    called = [str(place) for place in range(len(texts))] if names is None else list(names)
    there = [place for place, text in enumerate(texts) if text.strip()]
    if not there:
        every = [(name, "it is empty") for name in called]
        raise NothingLeft("There is no text in the source: every line or cell is empty.", every)
    empty = sorted(set(range(len(texts))) - set(there))
    skipped = [(called[place], "it is empty") for place in empty]
    kept = [texts[place].strip() for place in there]
    known = None if labels is None else [labels[place] for place in there]
    return Texts(kept, [called[place] for place in there], np.asarray(there, dtype=np.int64), skipped, notes, known)


def _lines_of(path: Path, encoding: str | None, note: Callable[[list[str]], None]) -> list[str]:
    """The lines of a file."""
    text, notes = decoded(contents(path), encoding=encoding, called=f"'{path.name}'")
    note(notes)
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


def _is_document(path: Path) -> bool:
    return suffix_of(path) in DOCUMENTS


def _said(source: object) -> str:
    shape = getattr(source, "shape", None)
    return f"an array of shape {tuple(shape)}" if shape is not None else repr(source)[:80]
