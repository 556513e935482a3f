"""The page of an audit: what to do next, the queue with its items, shortcuts and classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from counterpoint import __version__
from counterpoint.interfaces import Items
from counterpoint.modality import Modality
from counterpoint.reports.cards import cards
from counterpoint.reports.template import template
from counterpoint.storage.files import write_text

SHOWN, CLASSES = 200, 30
"""Entries of the queue, and classes, on the page."""


def write_audit(path: Path, result: Mapping[str, Any], modality: Modality | None, parts: Sequence[Items]) -> Path:
    """Write the page of an audit, with its items where there is data, and return its path.

    ``parts`` are the items and those of the test set, whose rows follow.
    """
    entries = result["queue"][:SHOWN]
    partners = [each["partner"] for entry in entries for each in entry["reasons"] if each.get("partner") is not None]
    rows = sorted({*(entry["index"] for entry in entries), *partners})
    shown = cards(modality, parts, rows) if modality is not None else {}
    checks = Counter(each["check"] for entry in result["queue"] for each in entry["reasons"])
    page = template("audit").render(
        result=result,
        entries=entries,
        cards=shown,
        checks=checks,
        counts=list((result.get("balance") or {}).get("counts", {}).items())[:CLASSES],
        name=path.parent.name,
        version=__version__,
    )
    write_text(path, page)
    return path
