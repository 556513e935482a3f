"""Usual names of picture and label columns in dictionaries, frames and datasets, and class names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from counterpoint.errors import SourceError, listed

PICTURES = ("image", "img", "picture", "photo", "pixel_values", "images")
LABELS = ("label", "labels", "target", "fine_label", "class", "cls")


def preferred(result: Sequence[str]) -> str | None:
    """The only one of some picture columns, or the one with a usual name; None where neither is clear."""
    return next((name for name in PICTURES if name in result), result[0] if len(result) == 1 else None)


def of_pictures(result: Sequence[str]) -> str | None:
    """The only one of some picture columns, or the one with a usual name.

    >>> of_pictures(["image", "mask"]), of_pictures(["left"]), of_pictures([])
    ('image', 'left', None)

    Raises:
        SourceError: There are several, and none was named.
    """
    wanted = preferred(result)
    if wanted is None and result:
        raise SourceError(f"Columns {listed(result)} all hold pictures. Name one with --column.")
    return wanted


def called(labels: list[Any], classes: object) -> list[Any]:
    """Labels with class indices replaced by names, where there is a name for each.

    >>> called([1, 0], ["cat", "dog"]), called([1, 2], ["cat", "dog"])
    (['dog', 'cat'], [1, 2])
    """
    if not isinstance(classes, Sequence) or not all(isinstance(label, int) for label in labels):
        return labels
    fitting = all(isinstance(name, str) for name in classes) and set(labels) <= set(range(len(classes)))
    return [classes[label] for label in labels] if fitting else labels


def classes_of(table: Any) -> dict[str, list[str]]:
    """The class names that Hugging Face stores beside columns of class indices."""
    try:
        features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
        return {name: kind["names"] for name, kind in features.items() if kind.get("_type") == "ClassLabel"}
    except (AttributeError, KeyError, TypeError, ValueError):  # an unrelated record, or none
        return {}
