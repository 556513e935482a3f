"""What ``anomalies`` writes into a folder: the record, a table and a page, each atomically."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from counterpoint.interfaces import Items
from counterpoint.modality import Modality
from counterpoint.reports.anomalies import write_anomalies
from counterpoint.storage.files import write_json, write_text
from counterpoint.storage.separated_values import separated

RECORD, TABLE, PAGE = "anomalies.json", "anomalies.csv", "report.html"
NAMES = (TABLE, PAGE)
COLUMNS = ("name", "index", "score", "p_value", "flag", "flag_fdr", "label", "nearest", "similarity")


def write_files(folder: Path, result: Mapping[str, Any], modality: Modality | None, parts: Sequence[Items]) -> None:
    """Write a record of ``Anomalies``; ``parts`` are the tested and the normal items, for their pictures."""
    rows = [[_cell(each, name) for name in COLUMNS] for each in result["items"]]
    write_text(folder / TABLE, separated([list(COLUMNS), *rows]))
    write_anomalies(folder / PAGE, result, modality, parts)
    write_json(folder / RECORD, dict(result))


def _cell(item: Mapping[str, Any], name: str) -> str:
    """A cell; empty where there is no value."""
    near = item["nearest"][0] if item["nearest"] else {}
    value = {"nearest": near.get("name"), "similarity": near.get("similarity")}.get(name, item.get(name))
    return "" if value is None else str(value)
