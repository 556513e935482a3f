"""JSON files: one object per line, a list of objects, or an object with such a list in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int64

from counterpoint.errors import SourceError, listed

LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class Records:
    """The values of every column, None where a record has none, and what was left out."""

    columns: Mapping[str, list[Any]]
    rows: Int64[np.ndarray, " n"]
    skipped: Sequence[tuple[str, str]]


def read_records(text: str, *, suffix: str, called: str) -> Records:
    r"""The records of a file as columns; entries that are not objects are left out and reported.

    >>> read_records('{"a": 1}\n{"a": 2, "b": "x"}\n', suffix=".jsonl", called="it").columns
    {'a': [1, 2], 'b': [None, 'x']}

    Raises:
        SourceError: It holds no objects.
    """
    result = _of_lines(text) if suffix in LINES else _of_document(text, called)
    records = [(place, each) for place, each in enumerate(result) if isinstance(each, dict)]
    skipped = [(f"row {place}", _reason(each)) for place, each in enumerate(result) if not isinstance(each, dict)]
    if len(skipped) > len(records):
        raise SourceError(
            f"{called} should hold an object with the names of columns in each line, or a list of such objects. "
            f"{len(skipped):,} of its {len(result):,} are others; the first: {skipped[0][1]}."
        )
    if not records:
        raise SourceError(f"{called} has no rows. Expected at least one object with the names of columns.")
    names = list(dict.fromkeys(name for _, record in records for name in record))
    columns = {name: [record.get(name) for _, record in records] for name in names}
    return Records(columns, np.asarray([place for place, _ in records], dtype=np.int64), skipped)


@dataclass(frozen=True)
class Broken:
    """A line that is not JSON, and why."""

    reason: str


def _reason(value: object) -> str:
    return value.reason if isinstance(value, Broken) else f"it is {json.dumps(value)[:60]}, and no object"


def _of_lines(text: str) -> list[Any]:
    """The value of every line; all are parsed at once, which is faster, unless one of them is broken."""
    lines = [line for line in text.split("\n") if line.strip()]
    try:
        values: list[Any] = json.loads(f"[{','.join(lines)}]")
    except (ValueError, RecursionError):
        return [_parsed(line) for line in lines]
    return values if len(values) == len(lines) else [_parsed(line) for line in lines]


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as wrong:
        return Broken(f"it is no JSON: {wrong}")


def _of_document(text: str, called: str) -> list[Any]:
    """The objects of a file: a list, or the only list of objects in an object."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        lines = _of_lines(text)  # JSON lines under another suffix
        if sum(isinstance(each, dict) for each in lines) > 1:
            return lines
        raise SourceError(f"{called} is no JSON: {wrong}.") from wrong
    if isinstance(document, list):
        return document
    if isinstance(document, dict):
        lists = {name: value for name, value in document.items() if _are_objects(value)}
        if len(lists) == 1:
            return next(iter(lists.values()))
        if document and all(isinstance(value, list) for value in document.values()):
            return _transposed(document, called)
    held = listed(document, 5) if isinstance(document, dict) else type(document).__name__
    raise SourceError(f"{called} should hold a list of objects, each with the names of columns. It holds {held}.")


def _are_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _transposed(document: Mapping[str, list[Any]], called: str) -> list[dict[str, Any]]:
    """The rows of an object of columns."""
    lengths = {name: len(values) for name, values in document.items()}
    if len(set(lengths.values())) > 1:
        raise SourceError(f"{called} has columns of unequal length: {lengths}. Give every column one value per item.")
    return [dict(zip(document, values, strict=True)) for values in zip(*document.values(), strict=True)]
