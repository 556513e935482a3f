"""The queue of an audit, and what a person decides about its entries: kept in the queue's own file, whole or not at all.

The file is read anew for every change, and held while it is written, so that what others wrote meanwhile stays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from counterpoint.data.frames import raw_columns
from counterpoint.errors import InputError
from counterpoint.runs.locks import A_COPY, locked
from counterpoint.serving.refusals import NotThere
from counterpoint.storage.files import write_text
from counterpoint.storage.separated_values import separated

QUEUE = "queue.csv"
COLUMNS = ("item", "probability", "why", "issue")

WORDS = {"accept": "yes", "reject": "no", None: ""}
"""What is decided, and what the column ``issue`` says then: whether the item has one."""

LARGEST = 2**26
"""Bytes of a queue that is read."""


class Entry(NamedTuple):
    """An item that may have an issue, how probable that is, why, and what was decided; all as they are written."""

    item: str
    probability: str
    why: str
    issue: str

    def record(self) -> dict[str, Any]:
        """The entry as JSON can hold it."""
        decision = next((name for name, word in WORDS.items() if word == self.issue.strip().lower()), None)
        try:
            probability = float(self.probability)
        except ValueError:  # it was drawn at random, to see what the queue misses
            probability = None
        return {"item": self.item, "probability": probability, "why": self.why, "decision": decision}


class Review:
    """The queue in the folder of an audit."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.entries()  # what is no queue is said before anything is served

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

    def decide(self, item: str, decision: str | None) -> None:
        """Write what was decided about an item: accept that it has an issue, reject that, or take it back.

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
