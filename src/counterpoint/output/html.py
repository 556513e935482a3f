"""Small HTML tables for notebooks: data is escaped, and long tables are cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import islice
from typing import Any

from counterpoint.errors import counted, visible

ROWS = 30
"""Rows that are shown."""

DEPTH = 4
"""The depth to which nested records are shown."""

LETTERS = 120
"""Letters of a cell that are shown."""


def html_table(title: str, rows: Iterable[Sequence[object]], head: Sequence[str] = ()) -> str:
    """A table with a title; ``head`` names its columns, else the first cell of a row is its name.

    >>> html_table("Model", [("data", "a <b>")])
    '<table><caption>Model</caption><tr><th>data</th><td>a &lt;b&gt;</td></tr></table>'
    """
    every = iter(rows)
    shown = list(islice(every, ROWS))
    left = sum(1 for _ in every)
    lines = [f"<tr>{''.join(_cell('th', name) for name in head)}</tr>"] if head else []
    for first, *others in shown:
        lines.append(f"<tr>{_cell('td' if head else 'th', first)}{''.join(_cell('td', each) for each in others)}</tr>")
    if left:
        more = f"... and {counted(left, 'row')} more"
        lines.append(f"<tr>{_cell('td', more)}</tr>")
    return f"<table><caption>{escape(visible(title))}</caption>{''.join(lines)}</table>"


def html_record(title: str, record: Mapping[str, Any]) -> str:
    """A record as a table: scores with their intervals, numbers and strings, and the lengths of lists.

    >>> html_record("Scores", {"knn": {"value": 0.5, "low": 0.25, "high": 0.75}, "none": None})
    '<table><caption>Scores</caption><tr><th>knn</th><td>0.5 (0.25 to 0.75)</td></tr></table>'
    """
    return html_table(title, _rows(record, ""))


def _rows(record: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    """The leaves of a record, each with the path of names to it."""
    for name, value in record.items():
        called = f"{before}{name}"
        if isinstance(value, Mapping):
            if {"value", "low", "high"} <= value.keys():
                yield (
                    called,
                    f"{_described(value['value'])} ({_described(value['low'])} to {_described(value['high'])})",
                )
                value = {each: part for each, part in value.items() if each not in ("value", "low", "high")}
            if called.count(" ") < DEPTH:
                yield from _rows(value, f"{called} ")
        elif isinstance(value, str | int | float):
            yield called, _described(value)
        elif isinstance(value, Sequence):
            yield called, counted(len(value), "entry", "entries")


def _described(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _cell(kind: str, value: object) -> str:
    text = visible(_described(value))
    return f"<{kind}>{escape(text if len(text) <= LETTERS else f'{text[:LETTERS]} ...')}</{kind}>"


def model_html(model: Any) -> str:
    """A model: its data, its encoder, and its outputs."""
    rows = {
        "data": model.modality.name,
        "encoder": model.built.get("encoder") or type(model.encoder).__name__,
        "parameters": f"{sum(each.numel() for each in model.encoder.parameters()):,}",
        "projection head": "none" if model.head is None else f"{len(model.head)} layers and activations",
        "device": model.device,
        "fingerprint": model.fingerprint()[:12],
    }
    return html_table("Model", rows.items())
