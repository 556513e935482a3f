"""``metrics.jsonl``: one line per measured step, appended during the run and readable at any time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from counterpoint.storage.files import write_text, writing
from counterpoint.storage.schemas import Measured
from counterpoint.storage.typed_json import parsed

Record = Mapping[str, Any]


class Records:
    """The records of a run, in memory and, where a path is given, in a file.

    Resuming from a saved state drops later records, so that no step is recorded twice.
    """

    def __init__(self, path: Path | None = None, *, until: int | None = None) -> None:
        self.path = path
        self.all: list[Record] = []
        if path is not None and until is not None and path.exists():
            self.all = [record for record in read(path) if record["step"] <= until]
        if path is not None:
            write_text(path, "".join(json.dumps(record) + "\n" for record in self.all))

    def add(self, record: Record) -> None:
        """Keep one more record."""
        self.all.append(record)
        if self.path is not None:
            with writing(self.path), self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")


def read(path: Path) -> list[Record]:
    """The records in a file, up to the first malformed line: a killed process may cut off the last."""
    records: list[Record] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            records.append(parsed(line, Measured))
        except (ValueError, RecursionError):
            break
    return records


def curves(record: Record) -> dict[str, float]:
    """The values of a record that trackers plot.

    >>> curves({"step": 5, "steps": 9, "loss": 0.5, "similarity": "cosine"})
    {'loss': 0.5}
    """
    return {
        name: value
        for name, value in record.items()
        if isinstance(value, int | float) and name not in ("step", "steps")
    }


def kept_name(path: Path, begin: Callable[[], str]) -> str:
    """The name of a tracker's run, made at its first start and kept in a file, so that ``resume`` continues it."""
    if not path.exists():
        write_text(path, begin())
    return path.read_text(encoding="utf-8")
