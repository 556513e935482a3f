"""What a person has decided on the queue, and the files that follow from it: the queue itself, and the cleaned list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from counterpoint.auditing.findings import Audit
from counterpoint.data.frames import raw_columns
from counterpoint.errors import InputError
from counterpoint.storage.files import write_text
from counterpoint.storage.separated_values import separated

QUEUE = "queue.csv"
COLUMNS = ("item", "probability", "why", "issue")
YES, NO = ("yes", "y", "1", "true"), ("no", "n", "0", "false")

PROBABLE = 0.5
"""From this probability on an item that nobody has reviewed is left out of the cleaned list."""

CONTROL = "control"
"""The check of items that were drawn at random from the rest, to know what the queue misses."""

Decisions = Mapping[str, bool]
"""Whether each item that was reviewed has an issue."""


def read_decisions(path: Path) -> dict[str, bool]:
    """What stands in the column ``issue`` of a queue; nothing where there is no queue yet.

    Raises:
        InputError: Something else than yes or no stands there, or the columns are missing.
    """
    if not path.exists():
        return {}
    columns = raw_columns(path)
    if {"item", "issue"} - set(columns):
        raise InputError(f"'{path}' has lost its columns item and issue. Put them back, or remove the file.")
    result: dict[str, bool] = {}
    for item, issue in zip(columns["item"], columns["issue"], strict=True):
        word = "" if issue is None else str(issue).strip().lower()
        if word and word not in (*YES, *NO):
            raise InputError(f"'{path}' says '{issue}' of '{item}'. Write yes or no into the column issue, or nothing.")
        if word:
            result[str(item)] = word in YES
    return result


def write_queue(path: Path, result: Audit, decisions: Decisions, names: Sequence[str]) -> None:
    """Write the queue, and behind it the items that were drawn at random, with what was decided so far."""
    rows = [
        (entry.item, f"{entry.probability:.4f}", "; ".join(each.detail for each in entry.reasons))
        for entry in result.queue
    ]
    rows += [(names[row], "", f"{CONTROL}: drawn at random from the rest") for row in result.review["control"]]
    words = {True: "yes", False: "no", None: ""}
    write_text(path, separated([COLUMNS, *((*row, words[decisions.get(row[0])]) for row in rows)]))


def write_cleaned(
    path: Path, result: Audit, decisions: Decisions, names: Sequence[str], labels: Sequence[str] | None
) -> None:
    """Write the names, and labels, of the items without issues: by what was decided, or else what is probable."""
    probable = {entry.index: entry.probability >= PROBABLE for entry in result.queue}
    kept = [row for row in range(result.items) if not decisions.get(names[row], probable.get(row, False))]
    head = ("name",) if labels is None else ("name", "label")
    cells = ((names[row],) if labels is None else (names[row], labels[row]) for row in kept)
    write_text(path, separated([head, *cells]))
