"""Texts of any source: lines of a file, files of a folder, a column of a frame, a list of strings.

Empty texts are left out and said; so are lines that were not the UTF-8 they should have been. Nothing is cut here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64
from torch import Tensor

from counterpoint.data import frames, rows
from counterpoint.data.listing import files_in, is_album
from counterpoint.data.paths import existing, expanded
from counterpoint.errors import SourceError, closest, listed

LINES = (".txt", ".text")
"""Files of lines: one text each."""

DOCUMENTS = (*LINES, ".md", ".rst", ".html", ".tex")
"""What is a document in a folder."""

NUMBERS = 2
"""Columns of numbers, such as an id and a class, beside which a column of text is still what a frame is about."""

CONTEXT = 3
"""Turns of a dialogue that the next one answers."""

CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


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


def read_texts(source: object, columns: Sequence[str] = ()) -> Texts:
    """The texts of a source.

    Args:
        source: A list, an array or a column of strings; the path of a file of lines (``.txt``, also ``.txt.gz``), of a
            folder of documents, or of a ``.csv``, ``.tsv``, ``.jsonl`` or ``.parquet`` file; a data frame.
        columns: The columns of a frame that hold the text, joined by a space; none to choose the most wordy one.

    Raises:
        SourceError: There is no text, no such column, or the file is none of text.
    """
    if frames.is_frame(source) or isinstance(source, Mapping):
        return _of_columns(frames.columns_of(source), list(columns))
    if columns:
        raise SourceError(f"There is no column '{columns[0]}': {_said(source)} has no columns with names.")
    if isinstance(source, str | Path):
        path = existing(source)
        return _of_folder(path) if path.is_dir() else _of_lines(path)
    return _of_strings(source)


def read_linked(source: object, columns: Sequence[str]) -> tuple[Texts, Int64[np.ndarray, "r v"]]:
    """The different texts in some columns, called by numbers, and for every row the place of each of its texts.

    One column alone holds dialogues, each a list of turns: a row is a turn, and before it what was said in the three
    turns before, or fewer. Rows in which a text is missing are left out.

    Raises:
        SourceError: There is no such column, or no whole row.
    """
    if not (frames.is_frame(source) or isinstance(source, Mapping)):
        raise SourceError(f"Pairs stand in columns with names, and {_said(source)} has none. Give a .csv or the like.")
    found = frames.columns_of(source)
    if len(columns) == 1:
        cells = _turns(found, columns[0])
    else:
        cells = np.stack([_joined(found, [name]) for name in columns], axis=1)
    empty = np.flatnonzero((cells == "").any(axis=1)).tolist()
    cells = np.delete(cells, empty, axis=0)
    if not len(cells):
        raise SourceError(f"No row has a text in each of the columns {listed(columns)}.")
    place: dict[str, int] = {}
    linked = [place.setdefault(text, len(place)) for text in cells.reshape(-1).tolist()]
    names = [str(number) for number in range(len(place))]
    skipped = [(f"row {row}", "a text is missing") for row in empty]
    texts = Texts(list(place), names, np.arange(len(place)), skipped)
    return texts, np.asarray(linked, dtype=np.int64).reshape(cells.shape)


def looks_like_texts(source: object) -> bool:
    """Whether a source is plainly of texts; of a file or a frame no more than the head is read."""
    if isinstance(source, str | Path):
        path = expanded(source)
        if path.is_dir():
            return is_library(path)
        if frames.suffix_of(path) in LINES:
            return True
    if frames.is_frame(source):
        head = frames.glance(source)
        numbers = sum(cells.dtype != object for cells in head.values())
        differing = [name for name in wordy(head) if len(set(head[name].tolist())) > len(head[name]) / 2]
        return bool(differing) and numbers <= NUMBERS and not any(cells.ndim > 1 for cells in head.values())
    if isinstance(source, Mapping):
        return False
    strings = _strings(source)
    return strings is not None and len(strings) > 0 and all(isinstance(each, str) for each in strings)


def is_library(folder: Path) -> bool:
    """Whether a folder holds documents, and no pictures beside them."""
    return not is_album(folder) and any(_is_document(file) for file in files_in(folder, set()))


def wordy(columns: Mapping[str, np.ndarray]) -> list[str]:
    """The columns whose cells are of several words, those of most words first.

    >>> wordy({"who": np.array(["Ann"], dtype=object), "said": np.array(["no such luck"], dtype=object)})
    ['said']
    """
    words = {name: _words(cells) for name, cells in columns.items() if cells.dtype == object}
    return sorted((name for name in words if words[name] >= 2), key=lambda name: -words[name])


def _words(cells: np.ndarray) -> float:
    said = [str(cell) for cell in cells.tolist() if cell][:1000]
    return float(np.mean([len(each.split()) for each in said])) if said else 0.0


def _of_columns(found: rows.Columns, wanted: list[str]) -> Texts:
    notes = []
    if not wanted:
        some = wordy(found) or _only_strings(found)
        if not some:
            raise SourceError(f"No column holds text of several words. Say which with --column: {listed(found)}.")
        wanted = some[:1]
        others = f", of those with text, {listed(some)}" if len(some) > 1 else ""
        notes.append(f"the text is the column '{wanted[0]}'{others}")
    return _kept(_joined(found, wanted).tolist(), _names(found, wanted), notes)


def _only_strings(found: rows.Columns) -> list[str]:
    """The column of strings that are no names of rows, where there is just one: texts of a word each."""
    some = [name for name, cells in found.items() if cells.dtype == object and not _called(name)]
    return some if len(some) == 1 else []


def _joined(found: rows.Columns, wanted: Sequence[str]) -> np.ndarray:
    """The cells of some columns, joined by a space where several hold something."""
    for name in wanted:
        if name not in found:
            raise SourceError(f"There is no column '{name}'.{closest(name, found)} Columns: {listed(found)}.")
    cells = [[str(cell).strip() for cell in found[name].tolist()] for name in wanted]
    joined = np.empty(len(cells[0]), dtype=object)
    joined[:] = [" ".join(part for part in parts if part) for parts in zip(*cells, strict=True)]
    return joined


def _turns(found: rows.Columns, name: str) -> np.ndarray:
    """What was said before every turn of dialogues, and the turn."""
    _joined(found, [name])  # which says that it is not there
    dialogues = found[name].tolist()
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


def _names(found: rows.Columns, but: Sequence[str]) -> list[str] | None:
    """What a column calls the rows: one with a different value in each, whose name says that it is for that."""
    for name, cells in found.items():
        if name not in but and _called(name) and rows.unique(cells):
            return [str(cell) for cell in cells.tolist()]
    return None


def _called(name: str) -> bool:
    """Whether a column of this name is for what rows are called."""
    called = name.lower()
    return called in (*rows.INDEX_NAMES, "doc", "document", "file", "path") or called.endswith("id")


def _of_folder(folder: Path) -> Texts:
    found = sorted(file for file in files_in(folder, set()) if _is_document(file))
    if not found:
        raise SourceError(
            f"'{folder}' holds no documents. Their names end in {', '.join(DOCUMENTS)}, or those and .gz."
        )
    notes: list[str] = []
    texts = ["\n".join(_lines_of(file, notes.append)) for file in found]
    return _kept(texts, [file.relative_to(folder).as_posix() for file in found], notes)


def _of_lines(path: Path) -> Texts:
    notes: list[str] = []
    return _kept(_lines_of(path, notes.append), None, notes)


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


def _kept(texts: Sequence[str], names: Sequence[str] | None, notes: Sequence[str]) -> Texts:
    """The texts that say something; those without a name are called by their place in the source."""
    called = [str(place) for place in range(len(texts))] if names is None else list(names)
    there = [place for place, text in enumerate(texts) if text.strip()]
    if not there:
        raise SourceError("There is no text in the source: every line or cell is empty.")
    empty = sorted(set(range(len(texts))) - set(there))
    skipped = [(called[place], "it is empty") for place in empty]
    kept = [texts[place].strip() for place in there]
    return Texts(kept, [called[place] for place in there], np.asarray(there, dtype=np.int64), skipped, notes)


def _lines_of(path: Path, note: Callable[[str], None]) -> list[str]:
    """The lines of a file in UTF-8, UTF-16 with its mark, or, where a line is neither, Windows-1252."""
    try:
        data = frames.contents(path)
    except (OSError, EOFError) as wrong:
        raise SourceError(f"'{path}' cannot be read: {wrong}.") from wrong
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
    else:
        text = _decoded(data, path, note)
    if len(CONTROL.findall(text[:10_000])) > len(text[:10_000]) // 100:
        raise SourceError(f"'{path}' is no file of text: it holds bytes that no text has. Give a file of lines.")
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


def _decoded(data: bytes, path: Path, note: Callable[[str], None]) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        lines, other = [], 0
        for line in data.split(b"\n"):
            try:
                lines.append(line.decode("utf-8"))
            except UnicodeDecodeError:
                lines.append(line.decode("cp1252", errors="replace"))
                other += 1
        note(f"{other:,} of {len(lines):,} lines of '{path.name}' are no UTF-8 and were read as Windows-1252")
        return "\n".join(lines)


def _is_document(path: Path) -> bool:
    return frames.suffix_of(path) in DOCUMENTS


def _said(source: object) -> str:
    shape = getattr(source, "shape", None)
    return f"an array of shape {tuple(shape)}" if shape is not None else repr(source)[:80]
