"""The queue of an audit, and what a person decides about its entries, which is kept in the queue's own file.

The file is read anew for every change, and held while it is written, so that what others wrote meanwhile stays.
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
from counterpoint.serving.refusals import NotThere
from counterpoint.storage.files import write_text
from counterpoint.storage.separated_values import separated
from counterpoint.storage.typed_json import read_json

RECORD = "audit.json"
"""The record of the audit, beside its queue; it says which items are copies of which."""

WORDS = {"accept": "yes", "reject": "no", None: ""}
"""What is decided, and what the column ``issue`` says then: whether the item has one."""

PARTNERS = 3
"""Copies of an item that are shown beside it."""

LARGEST = 2**26
"""Bytes of a queue that is read."""


class Entry(NamedTuple):
    """An item that may have an issue, how probable that is, why, and what was decided; all as they are written."""

    item: str
    probability: str
    why: str
    issue: str

    @property
    def chance(self) -> float | None:
        """The probability as a number; None of an item that was drawn at random, to see what the queue misses."""
        try:
            return float(self.probability)
        except ValueError:
            return None

    @property
    def decision(self) -> str | None:
        """What was decided."""
        word = self.issue.strip().lower()
        return "accept" if word in YES else "reject" if word in NO else None


class Copies(TypedDict):
    """Two items that are copies of one another, in ``audit.json``."""

    items: list[str]


class Record(TypedDict, total=False):
    """What is read of ``audit.json``."""

    duplicates: list[Copies]


class Review:
    """The queue in the folder of an audit."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.entries()  # what is no queue is said before anything is served
        self._partners = _partners(folder / RECORD)

    def entries(self) -> list[Entry]:
        """The queue as it lies there now.

        Raises:
            InputError: There is none, or it has lost its columns.
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
            raise InputError(f"'{path}' has lost some of its columns {', '.join(COLUMNS)}. Make the audit anew.")
        cells = ([("" if each is None else str(each)) for each in columns[name]] for name in COLUMNS)
        return [Entry(*row) for row in zip(*cells, strict=True)]

    def record(self, index: Index) -> dict[str, Any]:
        """The queue as JSON can hold it, with the rows of all items that are in an index."""
        entries, find = self.entries(), index.find
        listed = [
            {
                "item": each.item,
                "probability": each.chance,
                "why": each.why,
                "decision": each.decision,
                "row": find(each.item),
                "partners": [row for name in self._partners.get(each.item, ()) if (row := find(name)) is not None],
            }
            for each in entries
        ]
        return {"entries": listed, "state": state(entries)}

    def decide(self, item: str, decision: str | None) -> str:
        """Write what was decided about an item, and say how much is left to review.

        It is accepted that the item has an issue, rejected, or the decision is taken back.

        Raises:
            NotThere: It is not in the queue.
            InputError: That is no decision, or another process writes into the folder.
        """
        if decision not in WORDS:
            raise InputError(f"A decision is accept, reject or null. Got {decision!r:.40}.")
        with locked(self._folder, instead=A_COPY):
            entries = self.entries()
            if all(each.item != item for each in entries):
                raise NotThere(f"'{item[:80]}' is not in the queue.")
            word = WORDS[decision]
            rows = [each._replace(issue=word) if each.item == item else each for each in entries]
            write_text(self._folder / QUEUE, separated([COLUMNS, *rows]))
            return state(rows)


def state(entries: Sequence[Entry]) -> str:
    """How many more to review, from the beginning of the queue, by the stopping rule of the audit."""
    ranked = [each for each in entries if each.chance is not None]
    decided = {"accept": 1.0, "reject": 0.0, None: np.nan}
    reviewed = np.asarray([decided[each.decision] for each in ranked], dtype=np.float64)
    probability = updated(np.asarray([each.chance for each in ranked], dtype=np.float64), reviewed)
    more = int(np.isnan(reviewed[: reviews_needed(probability)]).sum())
    if not more:
        return f"{RECALL:.0%} of the issues have been reviewed, {SURE:.0%} sure if the probabilities hold."
    expected = counted(round(float(probability.sum())), "issue")
    return f"Review {more:,} more from the top to find {RECALL:.0%} of about {expected}, {SURE:.0%} sure."


def _partners(file: Path) -> Mapping[str, list[str]]:
    """Of items that are copies of others the names of some of those."""
    partners: dict[str, list[str]] = defaultdict(list)
    try:
        record = read_json(file, Record, "")
    except (FileNotFoundError, RunError):  # then they are not shown
        return {}
    for one, other in (each["items"][:2] for each in record.get("duplicates", []) if len(each["items"]) >= 2):
        for name, partner in ((one, other), (other, one)):
            if len(partners[name]) < PARTNERS:
                partners[name].append(partner)
    return partners
