"""The result of an audit: the findings of every check, as JSON values and as a table."""

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

PROBABLE = 0.5
"""The least probability of an issue that is counted in the summary, and left out of the cleaned list."""


@dataclass(frozen=True)
class Copies:
    """Two near-duplicates: names, rows, the probability of a copy, and the cosine similarity of their vectors."""

    items: Sequence[str]
    index: Sequence[int]
    probability: float | None
    similarity: float
    equal: bool
    """Whether their contents are equal."""
    confirmed: bool | None = None
    """Whether their contents confirm it (``second_opinion``); None where that cannot be tested."""


@dataclass(frozen=True)
class Outlier:
    """An item, how isolated it is (larger is more), and the probability that it is off-topic."""

    item: str
    index: int
    score: float
    probability: float


@dataclass(frozen=True)
class SuspiciousLabel:
    """An item, its label, the predicted class, how suspicious the label is in [0, 1], and its probability of error."""

    item: str
    index: int
    given: str
    likely: str
    score: float
    probability: float


@dataclass(frozen=True)
class Audit:
    """The findings of every check, each list ranked; ``str`` is a table."""

    items: int
    duplicates: Sequence[Copies]
    outliers: Sequence[Outlier]
    labels: Sequence[SuspiciousLabel]
    leakage: Sequence[Leak]
    shortcuts: Sequence[Shortcut]
    overlap: Sequence[Overlap]
    queue: Sequence[Entry]
    review: Mapping[str, Any]
    """The state of the review, as ``auditing.review`` describes it."""
    balance: Mapping[str, Any] | None = None
    coverage: Mapping[str, Any] | None = None
    shared_groups: Sequence[str] = ()
    measured: str = ""
    """The space in which near-duplicates were compared."""
    test_items: int = 0
    warnings: Sequence[str] = ()

    def record(self) -> dict[str, Any]:
        """As JSON values; fields without a value are left out."""
        record = {"summary": self.summary(), **vars(self)}
        for name in ("duplicates", "outliers", "labels", "leakage", "overlap"):
            record[name] = [filled(asdict(each)) for each in record[name]]
        record["shortcuts"] = [_shortcut(each) for each in self.shortcuts]
        record["queue"] = [
            {**asdict(entry), "reasons": [filled(asdict(each)) for each in entry.reasons]} for entry in self.queue
        ]
        return filled(record)

    def summary(self) -> str:
        """The number of probable issues by check, and how many items to review."""
        parts = [
            counted(len(self.duplicates), "pair") + " of near-duplicates",
            counted(_probable(self.outliers), "outlier"),
            *([counted(_probable(self.labels), "label error")] if self.labels else []),
            *([counted(len(self.leakage), "leak")] if self.test_items or self.leakage else []),
        ]
        return f"Probable issues of {counted(self.items, 'item')}: {', '.join(parts)}. {self.review['sentence']}"

    def __str__(self) -> str:
        lines = [*self.warnings, self.summary()]
        lines += [_sentence(each) for each in self.shortcuts if each.predicts]
        if self.overlap:
            pairs = (f"{each.classes[0]} and {each.classes[1]} ({each.overlap:.0%})" for each in self.overlap[:5])
            lines.append(f"Classes that overlap most: {', '.join(pairs)}.")
        lines += ["", "probability  item"] if self.queue else []
        for entry in self.queue[:SHOWN]:
            lines.append(f"{entry.probability:11.3f}  {entry.item}  {excerpt(entry.why)}")
        if len(self.queue) > SHOWN:
            lines.append(f"... and {len(self.queue) - SHOWN:,} more items")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = ((f"{entry.probability:.3f}", entry.item, entry.why) for entry in self.queue)
        return html_table(self.summary(), rows, ("probability", "item", "why"))


def _probable(each_of: Sequence[Outlier | SuspiciousLabel]) -> int:
    return sum(each.probability >= PROBABLE for each in each_of)


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
        f"Shortcut: {each.column} alone predicts the label with an accuracy of {each.accuracy.value:.1%}; the largest "
        f"class has {each.majority:.1%} (difference {each.gain.low:+.1%} to {each.gain.high:+.1%})."
    )
