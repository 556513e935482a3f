r"""Collections, queries, and relevance judgements, in the formats of BEIR and TREC.

    BEIR    corpus.jsonl (_id, title, text), queries.jsonl (_id, text), qrels/test.tsv (query-id, corpus-id, score)
    TREC    topics "qid \t text" and qrels "qid 0 docid grade", both without a header

The text of a BEIR document is its title and its text.  Names are kept as written: "007" is not 7.

>>> result = read_relevance({"query-id": ["q1", "q1", "q2"], "corpus-id": ["007", "8", "8"], "score": ["2", "0", "-1"]})
>>> result.grades
{('q1', '007'): 2.0, ('q1', '8'): 0.0, ('q2', '8'): -1.0}
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from counterpoint.data import frames
from counterpoint.data.paths import existing
from counterpoint.data.schema import words_in
from counterpoint.errors import InputError, SourceError, listed
from counterpoint.storage.files import expanded, is_file
from counterpoint.storage.reading_errors import door

QUERY = ("query_id", "qid", "query", "queryid", "topic", "topic_id", "question", "question_id", "q")
DOCUMENT = ("corpus_id", "doc_id", "docid", "document", "document_id", "doc", "docno", "passage", "passage_id", "pid")
GRADE = ("score", "grade", "relevance", "label", "rel", "relevancy", "judgement", "judgment")
"""Usual names of the columns of relevance, with "_" for "-" and in lower case."""

IDS = ("_id", "id", *QUERY, *DOCUMENT)
TEXTS = ("text", "title", "contents", "content", "body")

POSITIONS: Mapping[int, tuple[int, int, int | None]] = {2: (0, 1, None), 3: (0, 1, 2), 4: (0, 2, 3)}
"""Positions of query, document and grade by the number of columns, where names do not tell."""

CORPUS, QUERIES, QRELS = "corpus.jsonl", "queries.jsonl", "qrels"
LINES = (".tsv", ".txt", ".text")


class Relevance(NamedTuple):
    """The grade of every judged pair (name of a query, name of a document), and notes on how it was read."""

    grades: Mapping[tuple[str, str], float]
    notes: Sequence[str]


def is_beir(source: object) -> bool:
    """Whether this is the path of a folder with a collection in BEIR's format."""
    return isinstance(source, str | Path) and _packed_or_not(Path(source) / CORPUS) is not None


@door
def read_collection(source: object, part: str) -> tuple[object, list[str]]:
    """A source of queries or documents as one for texts, with names as written; and notes on how it was read.

    Args:
        source: Any source of texts, a folder of BEIR, or a file of topics.
        part: The part of a folder of BEIR, ``CORPUS`` or ``QUERIES``.
    """
    if is_beir(source):
        source = _in_folder(expanded(str(source)), part)
    if isinstance(source, str | Path) and frames.suffix_of(source) in LINES:
        topics, notes = _topics(existing(source))
        if topics is not None:
            return topics, notes
    if not (frames.is_frame(source) or isinstance(source, Mapping)):
        return source, []
    columns = frames.raw_columns(source)
    called = f"'{source}'" if isinstance(source, str | Path) else "The collection"
    lists = {name for name, cells in columns.items() if any(isinstance(cell, list | dict) for cell in cells)}
    words = {name: _words(name, cells, called) for name, cells in columns.items() if name not in lists}
    if "_id" in columns and "text" in columns and "text" not in lists:
        titles = words.get("title", [""] * len(words["text"]))
        texts = [" ".join(filter(None, both)) for both in zip(titles, words["text"], strict=True)]
        return {"_id": _words("_id", columns["_id"], called), "text": texts}, []
    return {name: words.get(name, cells) for name, cells in columns.items()}, []


@door
def read_relevance(source: object) -> Relevance:
    """The relevance judgements.

    Args:
        source: Columns with the names of a query and of a document and optionally a grade, by usual names or in this
            order; a file of qrels without a header; or a folder of BEIR, whose test part is used.

    Raises:
        InputError: There are no such columns, or a grade is not a number.
    """
    if is_beir(source):
        source = _qrels(expanded(str(source)) / QRELS)
    names, cells = _columns(source)
    query, document, grade = _placed(len(cells), "no line of names") if names is None else _roles(names)
    notes = []
    if names is None:
        order = {query: "query", document: "document", grade: "grade"}
        held = listed(order.get(place, "what is not used") for place in range(len(cells)))
        notes.append(f"relevance has no line of column names: its columns are {held}")
    grades: dict[tuple[str, str], float] = {}
    for row, (one, other) in enumerate(zip(cells[query], cells[document], strict=True)):
        pair = _cell(one), _cell(other)
        if not all(pair):
            raise InputError(f"Row {row} of relevance lacks the name of its query or document. Give both in every row.")
        value = 1.0 if grade is None else _number(cells[grade][row], row)
        grades[pair] = max(value, grades.get(pair, value))
    return Relevance(grades, notes)


def _in_folder(folder: Path, name: str) -> Path:
    result = _packed_or_not(folder / name)
    if result is None:
        raise SourceError(f"'{folder}' holds {CORPUS}, but no {name}. Give the file with the queries.")
    return result


def _packed_or_not(path: Path) -> Path | None:
    return next((each for each in (path, path.with_name(f"{path.name}.gz")) if is_file(each)), None)


def _qrels(folder: Path) -> Path:
    """The judgements of a folder of BEIR: those of the test part, or the only ones."""
    result = sorted(each for each in folder.glob("*") if frames.suffix_of(each) == ".tsv")
    test = [each for each in result if each.name.startswith("test.")] or result
    if len(test) != 1:
        held = listed(each.name for each in result) or "no .tsv file"
        raise SourceError(f"'{folder}' holds {held}. Say with --relevance which file says what is relevant.")
    return test[0]


def _topics(path: Path) -> tuple[dict[str, list[str]] | None, list[str]]:
    """Names and texts of a file whose lines are a name, a tab and a text, and notes; None for other files."""
    lines = [line.rstrip("\r") for line in frames.text_in(path).split("\n") if line.strip()]
    if not lines or any("\t" not in line for line in lines):
        return None, []
    first = lines[0].split("\t")
    headed = _names_columns(first)
    if len(first) != 2 or (headed and frames.suffix_of(path) == ".tsv"):
        return None, []
    names, texts = zip(*(line.split("\t", 1) for line in lines[1 if headed else 0 :]), strict=True)
    if len(set(names)) < len(names):
        twice, _ = Counter(names).most_common(1)[0]
        raise SourceError(f"'{path}' calls two texts '{twice}'. Give every text a name of its own.")
    note = f"'{path.name}' has no line of column names: each line is a name, a tab and a text"
    return {"id": list(names), "text": list(texts)}, [] if headed else [note]


def _columns(source: object) -> tuple[list[str] | None, list[list[Any]]]:
    """The names of the columns of a source, None for a file without a header, and their cells."""
    path = existing(source) if isinstance(source, str | Path) else None
    if path is None or frames.suffix_of(path) in (".jsonl", ".ndjson", ".parquet"):
        columns = frames.raw_columns(source)
        return list(columns), list(columns.values())
    lines = [line for line in frames.text_in(path).splitlines() if line.strip()]
    if not lines:
        raise SourceError(f"'{path}' says of no document that it is relevant: it has no lines.")
    mark = _mark(lines[0], frames.suffix_of(path))
    if mark is not None and frames.suffix_of(path) in frames.SUFFIXES and _names_columns(lines[0].split(mark)):
        columns = frames.raw_columns(path)
        return list(columns), list(columns.values())
    cells = [line.split(mark) for line in lines]
    uneven = next((row for row, each in enumerate(cells) if len(each) != len(cells[0])), None)
    if uneven is not None:
        raise SourceError(
            f"Line {uneven + 1} of '{path}' has {len(cells[uneven])} columns and the first {len(cells[0])}. Expected "
            "'query 0 document grade' in every line, as in the qrels of TREC."
        )
    names = cells.pop(0) if _names_columns(cells[0]) else None
    if not cells:
        raise SourceError(f"'{path}' says of no document that it is relevant: it has no lines but the first.")
    return names, [list(column) for column in zip(*cells, strict=True)]


def _mark(first: str, suffix: str) -> str | None:
    """The separator of a text file, by its first line; None for any white space."""
    if suffix == ".csv":
        return ";" if ";" in first and "," not in first else ","
    return "\t" if first.count("\t") > 1 or ("\t" in first and " " not in first.strip()) else None


def _names_columns(first: Sequence[str]) -> bool:
    """Whether a first line is a header: it has a usual name, or nothing like an id, a number or a text.

    >>> [_names_columns(line.split()) for line in ("query-id corpus-id score", "qid text", "301 0 FR94 1", "q1 yes")]
    [True, True, False, False]
    """
    if len(first) > 2:  # of qrels, whose last column is the grade
        return not _is_number(first[-1])
    headings = {*IDS, *GRADE, *TEXTS}
    plain = not any(letter.isdigit() or letter.isspace() for cell in first for letter in cell.strip())
    return plain or any(_called(cell) in headings for cell in first)


def _roles(names: Sequence[str]) -> tuple[int, int, int | None]:
    """The positions of the query, the document and the grade, by the names of the columns or by their order."""
    called = [_called(name) for name in names]
    query, document, grade = (
        next((place for each in headings for place, name in enumerate(called) if name == each), None)
        for headings in (QUERY, DOCUMENT, GRADE)
    )
    if query is None or document is None:
        return _placed(len(names), listed(names))
    if grade is None and len(names) == 3:
        grade = 3 - query - document
    if grade is None and len(names) > 3:
        raise InputError(f"Relevance has no column called 'score' or 'grade'. Rename the one it is: {listed(names)}.")
    return query, document, grade


def _placed(count: int, held: str) -> tuple[int, int, int | None]:
    if count not in POSITIONS:
        raise InputError(
            "Relevance has columns for query and document, and perhaps a grade, such as query-id, corpus-id and score. "
            f"Got {count} columns: {held}."
        )
    return POSITIONS[count]


def _called(name: str) -> str:
    return name.strip(' "').lower().replace("-", "_").replace(" ", "_")


def _words(name: str, cells: list[Any], called: str) -> list[str]:
    return [word.strip() for word in words_in(name, cells, called)]


def _cell(cell: Any) -> str:
    """A name as written, or as the integer of the same value: 7.0 is 7."""
    if isinstance(cell, list | dict):
        raise InputError(f"Relevance names one query and one document in every row. Got {cell!r:.60}.")
    return "" if cell is None else f"{cell:.15g}" if isinstance(cell, float) else str(cell).strip()


def _is_number(cell: Any) -> bool:
    try:
        return math.isfinite(float(cell))
    except (TypeError, ValueError):
        return False


def _number(cell: Any, row: int) -> float:
    if not _is_number(cell):
        raise InputError(f"Row {row} of relevance has the grade {cell!r}. Expected a number, 0 for not relevant.")
    return float(cell)
