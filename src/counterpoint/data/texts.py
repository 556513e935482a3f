"""Texts from any source: lines of a file, files of a folder, a column of a frame, a list of strings.

Empty texts are left out and reported; so are lines that are not valid UTF-8. Nothing is truncated here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64
from torch import Tensor

from counterpoint.data.compressed_files import contents, suffix_of
from counterpoint.data.frames import Frame, is_columns, is_missing
from counterpoint.data.list_cells import holds_lists, is_strings, texts_of
from counterpoint.data.listing import files_in, is_album
from counterpoint.data.paths import existing
from counterpoint.data.sheets import Sheet, read_sheet, sheet_of
from counterpoint.data.tables import index_of
from counterpoint.data.text_encoding import decoded
from counterpoint.errors import NothingLeft, SourceError
from counterpoint.modality import DataOptions
from counterpoint.plans.data_options import AS_IT_IS, ReadOptions
from counterpoint.storage.files import expanded
from counterpoint.storage.reading_errors import door

LINES = (".txt", ".text")
"""Suffixes of files with one text per line."""

DOCUMENTS = (*LINES, ".md", ".rst", ".html", ".tex")
"""Suffixes of documents in a folder."""


@dataclass(frozen=True)
class Texts:
    """n non-empty texts: their contents, their names, their indices in the source."""

    texts: Sequence[str]
    names: Sequence[str]
    rows: Int64[np.ndarray, " n"]
    skipped: Sequence[tuple[str, str]] = ()
    """The name of every skipped text, and why."""
    notes: Sequence[str] = ()
    """Further notes on how they were read."""
    labels: Sequence[str | None] | None = None
    """The label of each from the source, None where it has none; None where there is no such column."""
    frame: Frame | None = field(default=None, repr=False, compare=False)
    """The columns that they are in."""


@door
def read_texts(source: object, options: ReadOptions = AS_IT_IS) -> Texts:
    """The texts of a source.

    Args:
        source: A list, an array or a column of strings; the path of a file of lines (``.txt``, also compressed), or of
            a folder of documents; anything with columns.
        options: How it is read, and which of its columns hold the text.

    Raises:
        SourceError: There is no text, no such column, or the file is not text.
    """
    if is_columns(source):
        sheet = read_sheet(source, DataOptions(data=options), "text")
        return of_sheet(sheet, sheet.schema.of_role("text"))
    named = options.column or options.without or options.schema
    if named:
        raise SourceError(f"There is no column '{named}': {_described(source)} has no columns with names.")
    if isinstance(source, str | Path):
        path = existing(source)
        return _of_folder(path, options.encoding) if path.is_dir() else _of_lines(path, options.encoding)
    return _of_strings(source)


def of_sheet(sheet: Sheet, columns: Sequence[str]) -> Texts:
    """The texts in some columns of a sheet, joined by a space where several are not empty."""
    frame = sheet.frame
    read = [column_of(sheet, name) for name in columns]
    joined = [" ".join(filter(None, parts)) for parts in zip(*(cells for cells, _ in read), strict=True)]
    notes = [*frame.notes, *(note for _, remarks in read for note in remarks)]
    texts = _kept(joined, sheet.names(), notes, labels=sheet.labels())
    return replace(texts, rows=frame.rows[texts.rows], skipped=[*frame.skipped, *texts.skipped], frame=frame)


def may_be_texts(source: object) -> bool:
    """Whether a source clearly holds texts."""
    if isinstance(source, str | Path):
        path = expanded(source)
        if path.is_dir():
            return is_library(path)
        if suffix_of(path) in LINES:
            return True
    sheet = sheet_of(source)
    if sheet is not None:
        return sheet.kind == "text"
    strings = _strings(source) or []
    return any(isinstance(each, str) for each in strings) and is_strings(strings)


def is_library(folder: Path) -> bool:
    """Whether a folder holds documents, and no pictures beside them."""
    return not is_album(folder) and any(_is_document(file) for file in files_in(folder, set()))


def column_of(sheet: Sheet, name: str) -> tuple[list[str], list[str]]:
    """The text of every cell of a column, "" where empty, and notes on how it was read.

    Raises:
        SourceError: There is no such column, or a cell is neither text, a list of strings nor a dialogue.
    """
    cells = sheet.cells(name)
    described = next((column for column in sheet.schema.columns if column.name == name), None)
    if holds_lists(cells) or (described is not None and described.type == "list"):
        return texts_of(name, cells, sheet.frame)
    return [word.strip() for word in sheet.words(name)], []


def _of_folder(folder: Path, encoding: str | None) -> Texts:
    result = sorted(file for file in files_in(folder, set()) if _is_document(file))
    if not result:
        raise SourceError(
            f"'{folder}' holds no documents. Their names end in {', '.join(DOCUMENTS)}, or those and .gz."
        )
    notes: list[str] = []
    texts = ["\n".join(_lines_of(file, encoding, notes.extend)) for file in result]
    return _kept(texts, [file.relative_to(folder).as_posix() for file in result], notes)


def _of_lines(path: Path, encoding: str | None) -> Texts:
    notes: list[str] = []
    return _kept(_lines_of(path, encoding, notes.extend), None, notes)


def _of_strings(source: object) -> Texts:
    strings = _strings(source)
    if strings is None:
        raise SourceError(f"Texts are a list of strings, a file or a column of them. Got {_described(source)}.")
    gaps = {place for place, each in enumerate(strings) if is_missing(each)}
    wrong = next((place for place, each in enumerate(strings) if not isinstance(each, str) and place not in gaps), None)
    if wrong is not None:
        raise SourceError(f"Item {wrong} is {strings[wrong]!r:.80}, which is no string. Give one string per item.")
    return _kept(["" if place in gaps else each for place, each in enumerate(strings)], index_of(source), [])


def _strings(source: object) -> list[Any] | None:
    """The contents of a list, an array or a column of any library; None where it is none of them."""
    if isinstance(source, list | tuple):
        return list(source)
    if isinstance(source, np.ndarray) and (source.ndim != 1 or source.dtype.kind not in "OU"):
        return None
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(source, method) and not isinstance(source, Tensor):
            return list(getattr(source, method)())
    if isinstance(source, Sequence) and not isinstance(source, str | bytes):  # a column of a dataset
        return list(source)
    return None


def _kept(
    texts: Sequence[str],
    names: Sequence[str] | None,
    notes: Sequence[str],
    *,
    labels: Sequence[str | None] | None = None,
) -> Texts:
    """The non-empty texts; those without a name are named by their index in the source."""
    called = [str(place) for place in range(len(texts))] if names is None else list(names)
    there = [place for place, text in enumerate(texts) if text.strip()]
    if not there:
        every = [(name, "it is empty") for name in called]
        raise NothingLeft("There is no text in the source: every line or cell is empty.", every)
    skipped = [(called[place], "it is empty") for place, text in enumerate(texts) if not text.strip()]
    kept = [texts[place].strip() for place in there]
    kept_labels = None if labels is None else [labels[place] for place in there]
    return Texts(
        kept, [called[place] for place in there], np.asarray(there, dtype=np.int64), skipped, notes, kept_labels
    )


def _lines_of(path: Path, encoding: str | None, note: Callable[[list[str]], None]) -> list[str]:
    """The lines of a file."""
    text, notes = decoded(contents(path), encoding=encoding, called=f"'{path.name}'")
    note(notes)
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


def _is_document(path: Path) -> bool:
    return suffix_of(path) in DOCUMENTS


def _described(source: object) -> str:
    shape = getattr(source, "shape", None)
    return f"an array of shape {tuple(shape)}" if shape is not None else repr(source)[:80]
