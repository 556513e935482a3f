"""The review queue of an audit; the decisions of a person are kept in its file, ``queue.csv``.

The file is read again for every change, under the lock of its folder, so that no change of another program is lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import numpy as np

from counterpoint.auditing.decisions import COLUMNS, NO, QUEUE, YES
from counterpoint.auditing.stopping_rule import RECALL, SURE, reviews_needed, updated
from counterpoint.data.frames import raw_columns
from counterpoint.errors import InputError, RunError, counted
from counterpoint.retrieval.index import Index
from counterpoint.runs.locks import A_COPY, locked
from counterpoint.serving.http_errors import NotAvailable
from counterpoint.storage.files import write_text
from counterpoint.storage.separated_values import separated
from counterpoint.storage.typed_json import read_json

RECORD = "audit.json"
"""The record of the audit, in the same folder; it lists duplicate pairs."""

ISSUE = {"accept": "yes", "reject": "no", None: ""}
"""Decisions, and the values of the column ``issue`` for them."""

PARTNERS = 3
"""Duplicates of an item that are shown beside it."""

LARGEST = 2**26
"""Bytes of the largest queue that is read."""


class Entry(NamedTuple):
    """A row of the queue: an item, the probability of an issue, the reasons, and the decision, as in the file."""

    item: str
    probability: str
    why: str
    issue: str

    @property
    def score(self) -> float | None:
        """The probability as a number; None for a control, which was drawn at random."""
        try:
            score = float(self.probability)
        except ValueError:
            return None
        return score if 0 <= score <= 1 else None

    @property
    def decision(self) -> str | None:
        """``accept``: it has an issue; ``reject``: it has none; None: not reviewed yet."""
        issue = self.issue.strip().lower()
        return "accept" if issue in YES else "reject" if issue in NO else None


class DuplicateRecord(TypedDict):
    """A pair of duplicates in ``audit.json``."""

    items: list[str]


class AuditRecord(TypedDict, total=False):
    """The part of ``audit.json`` that is read."""

    duplicates: list[DuplicateRecord]


class Review:
    """The review queue in the folder of an audit."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.entries()  # a folder without a queue is refused before the server starts
        self._partners = _partners(folder / RECORD)

    def entries(self) -> list[Entry]:
        """The current rows of the queue.

        Raises:
            InputError: There is no queue, it is too large, or it lacks columns.
        """
        path = self._folder / QUEUE
        if not path.is_file():
            raise InputError(
                f"There is no queue in '{self._folder}'. Make one with: counterpoint audit SOURCE --out {self._folder}"
            )
        if path.stat().st_size > LARGEST:
            raise InputError(f"'{path}' has {path.stat().st_size:,} bytes; a queue has at most {LARGEST:,}.")
        columns = raw_columns(path)
        if set(COLUMNS) - set(columns):
            raise InputError(f"'{path}' lacks some of the columns {', '.join(COLUMNS)}. Run the audit again.")
        cells = ([("" if each is None else str(each)) for each in columns[name]] for name in COLUMNS)
        return [Entry(*row) for row in zip(*cells, strict=True)]

    def record(self, index: Index) -> dict[str, Any]:
        """The queue for JSON, with the row of every item in an index."""
        entries, find = self.entries(), index.find
        listed = [
            {
                "item": each.item,
                "probability": each.score,
                "why": each.why,
                "decision": each.decision,
                "row": find(each.item),
                "partners": [row for name in self._partners.get(each.item, ()) if (row := find(name)) is not None],
            }
            for each in entries
        ]
        return {"entries": listed, "progress": progress(entries)}

    def decide(self, item: str, decision: str | None) -> str:
        """Store a decision about an item, ``accept``, ``reject`` or None to undo it; returns the new ``progress``.

        Raises:
            NotAvailable: The item is not in the queue.
            InputError: There is no such decision, or another process writes into the folder.
        """
        if decision not in ISSUE:
            raise InputError(f"A decision is accept, reject or null. Got {decision!r:.40}.")
        with locked(self._folder, instead=A_COPY):
            entries = self.entries()
            if item not in {each.item for each in entries}:
                raise NotAvailable(f"'{item[:80]}' is not in the queue.")
            issue = ISSUE[decision]
            rows = [each._replace(issue=issue) if each.item == item else each for each in entries]
            write_text(self._folder / QUEUE, separated([COLUMNS, *rows]))
            return progress(rows)


def progress(entries: Sequence[Entry]) -> str:
    """How many more items to review, from the top of the queue, by the stopping rule of the audit."""
    ranked = [each for each in entries if each.score is not None]
    decided = {"accept": 1.0, "reject": 0.0, None: np.nan}
    reviewed = np.asarray([decided[each.decision] for each in ranked], dtype=np.float64)
    probability = updated(np.asarray([each.score for each in ranked], dtype=np.float64), reviewed)
    more = int(np.isnan(reviewed[: reviews_needed(probability)]).sum())
    if not more:
        return f"{RECALL:.0%} of the issues have been reviewed, {SURE:.0%} sure if the probabilities hold."
    expected = counted(round(float(probability.sum())), "issue")
    return f"Review {more:,} more from the top to find {RECALL:.0%} of about {expected}, {SURE:.0%} sure."


def _partners(file: Path) -> Mapping[str, list[str]]:
    """From an item to some of its duplicates."""
    partners: dict[str, list[str]] = defaultdict(list)
    try:
        record = read_json(file, AuditRecord, "")
    except (FileNotFoundError, RunError):  # the queue can be reviewed without them
        return {}
    for one, other in (each["items"][:2] for each in record.get("duplicates", []) if len(each["items"]) >= 2):
        for name, partner in ((one, other), (other, one)):
            if len(partners[name]) < PARTNERS:
                partners[name].append(partner)
    return partners
