"""What an audit finds, as records that JSON can hold and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from counterpoint.auditing.class_overlap import Overlap
from counterpoint.auditing.leakage import Leak
from counterpoint.auditing.review_queue import Entry
from counterpoint.auditing.shortcuts import Shortcut
from counterpoint.errors import counted
from counterpoint.output.html import html_table
from counterpoint.output.results import excerpt, filled

SHOWN = 20
"""Entries of the queue that ``str`` shows."""


@dataclass(frozen=True)
class Copies:
    """Two items that are copies of one another; by a second opinion too, or not, where there is one."""

    items: Sequence[str]
    index: Sequence[int]
    probability: float | None
    similarity: float
    equal: bool
    confirmed: bool | None = None


@dataclass(frozen=True)
class Outlier:
    """How far an item is from all others, and how probable it is that it does not belong to them."""

    item: str
    index: int
    score: float
    probability: float


@dataclass(frozen=True)
class SuspiciousLabel:
    """What an item is called, what it rather is, how suspicious that is, in [0, 1], and how probable a mistake."""

    item: str
    index: int
    given: str
    likely: str
    score: float
    probability: float


@dataclass(frozen=True)
class Audit:
    """Everything that was found, each list ranked; ``str`` is a table and ``record`` is for JSON."""

    items: int
    duplicates: Sequence[Copies]
    outliers: Sequence[Outlier]
    labels: Sequence[SuspiciousLabel]
    leakage: Sequence[Leak]
    shortcuts: Sequence[Shortcut]
    overlap: Sequence[Overlap]
    queue: Sequence[Entry]
    review: Mapping[str, Any]
    """``expected`` issues, how many ``reviewed`` and found, how many ``more`` to review, and in a ``sentence``."""
    balance: Mapping[str, Any] | None = None
    coverage: Mapping[str, Any] | None = None
    shared_groups: Sequence[str] = ()
    measured: str = ""
    """Where copies were told best."""
    test_items: int = 0
    warnings: Sequence[str] = ()

    def record(self) -> dict[str, Any]:
        """All of it as JSON can hold it; fields without a value are left out."""
        record = {"summary": self.summary(), **vars(self)}
        for name in ("duplicates", "outliers", "labels", "leakage", "overlap"):
            record[name] = [filled(asdict(each)) for each in record[name]]
        record["shortcuts"] = [_shortcut(each) for each in self.shortcuts]
        record["queue"] = [
            {**asdict(entry), "reasons": [filled(asdict(each)) for each in entry.reasons]} for entry in self.queue
        ]
        return filled(record)

    def summary(self) -> str:
        """What was found, in a sentence."""
        probable = {"duplicate": len(self.duplicates)} | {
            check: sum(each.probability >= 0.5 for each in of)
            for check, of in (("outlier", self.outliers), ("label", self.labels))
        }
        parts = [
            counted(probable["duplicate"], "pair") + " of near-duplicates",
            counted(probable["outlier"], "off-topic item"),
            *([counted(probable["label"], "wrong label")] if self.labels else []),
            *([counted(len(self.leakage), "leak")] if self.test_items or self.leakage else []),
        ]
        return f"Of {counted(self.items, 'item')}, probably: {', '.join(parts)}. {self.review['sentence']}"

    def __str__(self) -> str:
        lines = [*self.warnings, self.summary()]
        lines += [_sentence(each) for each in self.shortcuts if each.predicts]
        if self.overlap:
            pairs = (f"{each.classes[0]} and {each.classes[1]} ({each.overlap:.0%})" for each in self.overlap[:5])
            lines.append(f"Classes that are taken for one another: {', '.join(pairs)}.")
        lines += ["", "probability  item"] if self.queue else []
        for entry in self.queue[:SHOWN]:
            why = "; ".join(each.detail for each in entry.reasons)
            lines.append(f"{entry.probability:11.3f}  {entry.item}  {excerpt(why)}")
        if len(self.queue) > SHOWN:
            lines.append(f"... and {len(self.queue) - SHOWN:,} items more")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = (
            (f"{entry.probability:.3f}", entry.item, "; ".join(each.detail for each in entry.reasons))
            for entry in self.queue
        )
        return html_table(self.summary(), rows, ("probability", "item", "why"))


def _shortcut(each: Shortcut) -> dict[str, Any]:
    intervals = {
        name: None if value is None else value._asdict()
        for name, value in (("accuracy", each.accuracy), ("gain", each.gain), ("embedding", each.embedding))
    }
    return filled({"column": each.column, "predicts": each.predicts, "majority": each.majority, **intervals})


def _sentence(each: Shortcut) -> str:
    if each.accuracy is None or each.gain is None or each.majority is None:
        return ""
    return (
        f"A shortcut: {each.column} alone predicts {each.accuracy.value:.1%} of the labels, the largest class "
        f"{each.majority:.1%} (difference {each.gain.low:+.1%} to {each.gain.high:+.1%})."
    )
