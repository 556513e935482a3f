"""The page of a search for anomalies: the most anomalous items beside their nearest normal ones, and the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from counterpoint import __version__
from counterpoint.interfaces import Items
from counterpoint.modality import Modality
from counterpoint.reports.cards import cards
from counterpoint.reports.template import template
from counterpoint.storage.files import write_text

T = TypeVar("T")

SHOWN, SUSPECTS = 100, 30
"""Items, and suspects among the normal ones, on the page."""

CALLED = {
    "": "trained encoder",
    "untrained": "untrained encoder",
    "raw_knn": "kNN of raw features",
    "pca_residual": "PCA residual",
    "isolation_forest": "isolation forest",
    "three_sigma": "3 sigma",
}
"""The trained encoder and the baselines, as people call them."""


def write_anomalies(path: Path, result: Mapping[str, Any], modality: Modality | None, parts: Sequence[Items]) -> Path:
    """Write the page of a record of ``anomalies`` and return its path.

    ``parts`` are the tested and the normal items; the latter are left out where there are none.
    """
    listed = without_overlaps(result["items"], [each["index"] for each in result["items"]], result.get("peaks"))
    items, suspects = listed[:SHOWN], result["suspects"][:SUSPECTS]
    first = len(parts[0]) if len(parts) > 1 else 0
    nearest = [first + each["nearest"][0]["index"] for each in items if each["nearest"]]
    rows = sorted({*(each["index"] for each in items), *nearest, *(first + each["index"] for each in suspects)})
    page = template("anomalies").render(
        result=result,
        shown=items,
        suspects=suspects,
        cards=cards(modality, parts, rows) if modality is not None else {},
        first=first,
        lines=detection_rows(result),
        name=path.parent.name,
        version=__version__,
    )
    write_text(path, page)
    return path


def without_overlaps(items: Sequence[T], rows: Sequence[int], peaks: Sequence[int] | None) -> list[T]:
    """The items with these rows, or only those at ``peaks``, where items are windows.

    >>> without_overlaps(["a", "b", "c"], [7, 8, 9], [9, 7])
    ['c', 'a']
    """
    if peaks is None:
        return list(items)
    at = dict(zip(rows, items, strict=True))
    return [at[row] for row in peaks]


def detection_rows(result: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The measures of the trained encoder and of every baseline, by name."""
    detection = result.get("detection")
    if detection is None:
        return []
    measured = [name for name in ("roc_auc", "average_precision") if name in detection]
    names = (*measured, "detection_rate", "false_alarms")
    rows: list[tuple[str, Mapping[str, Any]]] = [(CALLED[""], {name: detection.get(name) for name in names})]
    for name, rates in detection["baselines"].items():
        rows.append((CALLED[name], {**rates, **{each: detection[each]["baselines"][name] for each in measured}}))
    return rows
