"""The decisions of a reviewer, the file of the queue that holds them, and the cleaned list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from counterpoint.auditing.findings import PROBABLE, Audit
from counterpoint.data.frames import raw_columns
from counterpoint.errors import InputError
from counterpoint.storage.files import write_text
from counterpoint.storage.separated_values import separated

QUEUE = "queue.csv"
COLUMNS = ("item", "probability", "why", "issue")
YES, NO = ("yes", "y", "1", "true"), ("no", "n", "0", "false")

CONTROL = "control"
"""The reason of items that are drawn at random from the rest, to estimate how many issues the queue misses."""

Decisions = Mapping[str, bool]
"""Whether each reviewed item, by name, has an issue."""


def read_decisions(path: Path) -> dict[str, bool]:
    """The decisions in the column ``issue`` of a queue; empty where there is no queue yet.

    Raises:
        InputError: A decision is neither yes nor no, or a column is missing.
    """
    if not path.exists():
        return {}
    columns = raw_columns(path)
    if {"item", "issue"} - set(columns):
        raise InputError(f"'{path}' lacks the columns item and issue. Restore them, or remove the file.")
    result: dict[str, bool] = {}
    for item, issue in zip(columns["item"], columns["issue"], strict=True):
        word = "" if issue is None else str(issue).strip().lower()
        if word and word not in (*YES, *NO):
            raise InputError(f"The column issue of '{path}' is yes, no or empty. Got '{issue}' for '{item}'.")
        if word:
            result[str(item)] = word in YES
    return result


def write_queue(path: Path, result: Audit, decisions: Decisions, names: Sequence[str]) -> None:
    """Write the queue and, behind it, the random control, with the decisions so far."""
    rows = [(entry.item, f"{entry.probability:.4f}", entry.why) for entry in result.queue]
    rows += [(names[row], "", f"{CONTROL}: drawn at random") for row in result.review["control"]]
    words = {True: "yes", False: "no", None: ""}
    write_text(path, separated([COLUMNS, *((*row, words[decisions.get(row[0])]) for row in rows)]))


def write_cleaned(
    path: Path, result: Audit, decisions: Decisions, names: Sequence[str], labels: Sequence[str] | None
) -> None:
    """Write the names, and labels, of the items without issues: by decision, or else by probability."""
    probable = {entry.index: entry.probability >= PROBABLE for entry in result.queue}
    kept = [row for row in range(result.items) if not decisions.get(names[row], probable.get(row, False))]
    columns = {"name": names} if labels is None else {"name": names, "label": labels}
    write_text(path, separated([tuple(columns), *(tuple(cells[row] for cells in columns.values()) for row in kept)]))
