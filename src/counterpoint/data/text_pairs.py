"""Texts that belong together: rows of an anchor, its positive and optional hard negatives.

They are in columns of texts, or of lists of them, where every positive makes a row with its anchor and every row gets
the same number of negatives; or in one column of dialogues, where every turn answers those before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Int64
from pyarrow import compute

from counterpoint.data.dialogues import turns_of
from counterpoint.data.frames import is_columns, kind_of, values_of
from counterpoint.data.list_cells import as_list, each_read, holds_lists, left_out
from counterpoint.data.passages import passages_of, rectangular
from counterpoint.data.sheets import Sheet, read_sheet
from counterpoint.data.texts import Texts, column_of, of_sheet, read_texts
from counterpoint.errors import SourceError, listed
from counterpoint.modality import DataOptions
from counterpoint.plans.data_options import AS_IT_IS, ReadOptions

CONTEXT = 3
"""Turns of a dialogue that the next one answers."""


class Rows(NamedTuple):
    """r rows of v texts that belong together, the skipped rows of the source, and notes."""

    cells: Sequence[Sequence[str]]
    skipped: Sequence[tuple[str, str]]
    notes: Sequence[str]


def linked_of_sheet(sheet: Sheet, columns: Sequence[str]) -> tuple[Texts, Int64[np.ndarray, "r v"]]:
    """The distinct texts in some columns, by index, and for every row the indices of its texts.

    A single column holds dialogues, each a list of turns: a row is a turn, preceded by the up to three turns before
    it. Rows in which a text is missing are left out.

    Raises:
        SourceError: There is no such column, a cell has an unknown format, or no row is complete.
    """
    if len(columns) == 1:
        rows = _of_dialogues(sheet, columns[0])
    elif any(_holds_lists(sheet, name) for name in columns):
        rows = _of_lists(sheet, columns)
    else:
        rows = _of_texts(sheet, columns)
    if not rows.cells:
        if len(columns) == 1:
            raise SourceError(f"No dialogue in the column '{columns[0]}' has turns of which one answers another.")
        raise SourceError(f"No row has a text in each of the columns {listed(columns)}.")
    place: dict[str, int] = {}
    linked = [[place.setdefault(text, len(place)) for text in row] for row in rows.cells]
    names = [str(number) for number in range(len(place))]
    skipped, notes = [*sheet.frame.skipped, *rows.skipped], [*sheet.frame.notes, *rows.notes]
    texts = Texts(list(place), names, np.arange(len(place)), skipped, notes, frame=sheet.frame)
    return texts, np.asarray(linked, dtype=np.int64)


def read_linked(
    source: object, columns: Sequence[str], options: ReadOptions = AS_IT_IS
) -> tuple[Texts, Int64[np.ndarray, "r v"]]:
    """As ``linked_of_sheet``, for a source with columns."""
    if not is_columns(source):
        raise SourceError(f"Pairs stand in columns with names. Got {source!r:.80}. Give a .csv or the like.")
    return linked_of_sheet(read_sheet(source, DataOptions(data=options, pairs=tuple(columns)), "text"), columns)


def read_to_learn(
    source: object, sheet: Sheet | None, options: DataOptions
) -> tuple[Texts, Int64[np.ndarray, "r v"] | None, list[str]]:
    """The training texts, for pairs the rows of those that belong together, and the columns with the texts."""
    if sheet is None:
        if options.pairs:
            raise SourceError("Pairs stand in columns with names, and this source has none. Give a .csv or the like.")
        return read_texts(source, options.data), None, []
    pairs = list(options.pairs) or sheet.schema.of_role("pair")
    if not pairs:
        columns = sheet.schema.of_role("text")
        return of_sheet(sheet, columns), None, columns
    if options.data.column is not None:
        raise SourceError("Give --column or --pairs, not both: either names the columns with the text.")
    return *linked_of_sheet(sheet, pairs), pairs


def _of_texts(sheet: Sheet, columns: Sequence[str]) -> Rows:
    """Columns with one text in every cell."""
    cells = list(zip(*(sheet.words(name) for name in columns), strict=True))
    empty = [row for row, texts in enumerate(cells) if not all(texts)]
    skipped = [(f"row {sheet.frame.rows[row]}", "a text is missing") for row in empty]
    return Rows([texts for texts in cells if all(texts)], skipped, [])


def _of_dialogues(sheet: Sheet, name: str) -> Rows:
    """The turns before every turn of dialogues, and the turn; a system message is only context."""
    parts: Counter[str] = Counter()
    spoken = each_read(name, _dialogues(sheet, name), sheet.frame, partial(turns_of, parts=parts))
    cells: list[tuple[str, str]] = []
    skipped = []
    for row, turns in zip(sheet.frame.rows.tolist(), spoken, strict=True):
        answers = [place for place, turn in enumerate(turns) if not turn.system][1:]
        for place in answers:
            cells.append((" ".join(turn.text for turn in turns[max(0, place - CONTEXT) : place]), turns[place].text))
        if not answers:
            skipped.append((f"row {row}", "nothing is said" if not turns else "no turn answers another"))
    return Rows(cells, skipped, left_out(parts, name))


def _dialogues(sheet: Sheet, name: str) -> list[object]:
    """The cells of a column of dialogues as lists, None where empty."""
    cells = [None if cell == "" else as_list(cell) for cell in values_of(sheet.cells(name))]
    wrong = next((row for row, cell in enumerate(cells) if cell is not None and not isinstance(cell, list)), None)
    if wrong is not None:
        raise SourceError(
            "Pairs are two columns or more, such as question,answer, or one of dialogues, each a list of turns. The "
            f"column '{name}' of {sheet.frame.called} holds {cells[wrong]!r:.40} in row {sheet.frame.rows[wrong]}."
        )
    return cells


def _of_lists(sheet: Sheet, columns: Sequence[str]) -> Rows:
    """Every positive with its anchor; and as many hard negatives for every row as most rows have."""
    anchor, partner, *rest = columns
    anchors, notes = column_of(sheet, anchor)
    positives = _passages(sheet, partner, notes)
    others = [_passages(sheet, name, notes) for name in rest]
    lists = [_holds_lists(sheet, name) for name in rest]
    filled = [
        rectangular(name, texts, notes) if listing else texts
        for name, texts, listing in zip(rest, others, lists, strict=True)
    ]
    cells, skipped = [], []
    for row, (text, answers, *wrong) in enumerate(zip(anchors, positives, *filled, strict=True)):
        missing = next((name for name, held in zip(columns, [text, answers, *wrong], strict=True) if not held), None)
        if missing is not None:
            skipped.append((f"row {sheet.frame.rows[row]}", f"there is no text in '{missing}'"))
            continue
        cells += [[text, each, *(other for held in wrong for other in held)] for each in answers]
    notes += _counted(sheet, anchor, partner, positives)
    return Rows(cells, skipped, notes)


def _counted(sheet: Sheet, anchor: str, partner: str, positives: Sequence[Sequence[str]]) -> list[str]:
    """A note that several positives make several rows.

    Raises:
        SourceError: There is a score per row, which is then not one per pair.
    """
    several = next((row for row, texts in enumerate(positives) if len(texts) > 1), None)
    if several is None:
        return []
    scores = sheet.schema.of_role("score")
    if scores:
        raise SourceError(
            f"'{scores[0]}' is one score for every row, and row {sheet.frame.rows[several]} has "
            f"{len(positives[several])} texts in '{partner}'. Give every pair a row of its own."
        )
    total, rows = sum(map(len, positives)), sum(map(bool, positives))
    return [f"'{partner}' holds {total:,} texts in {rows:,} rows; each makes a pair with its '{anchor}'"]


def _passages(sheet: Sheet, name: str, notes: list[str]) -> list[list[str]]:
    """The texts of every cell of a column; a string is one text."""
    if not _holds_lists(sheet, name):
        return [[text] if text else [] for text in sheet.words(name)]
    parts: Counter[str] = Counter()
    texts = each_read(name, sheet.cells(name), sheet.frame, partial(passages_of, parts=parts))
    notes += left_out(parts, name)
    return texts


def _holds_lists(sheet: Sheet, name: str) -> bool:
    """Whether some cells of a column are lists, or spell some."""
    cells = sheet.cells(name)
    if kind_of(cells) != "string":
        return holds_lists(cells)
    plain = compute.utf8_trim_whitespace(cells.cast(pa.string()))
    spelled = plain.filter(compute.fill_null(compute.starts_with(plain, "["), fill_value=False))
    return any(isinstance(as_list(cell), list) for cell in spelled.to_pylist())
