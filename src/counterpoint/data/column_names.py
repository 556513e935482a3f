"""What people call the pictures and the labels in dictionaries, columns and datasets, and classes by their names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from counterpoint.errors import SourceError, listed

PICTURES = ("image", "img", "picture", "photo", "pixel_values", "images")
LABELS = ("label", "labels", "target", "fine_label", "class", "cls")


def preferred(result: Sequence[str]) -> str | None:
    """The only one of some columns of pictures, or the one that is called as pictures are; None where neither is."""
    return next((name for name in PICTURES if name in result), result[0] if len(result) == 1 else None)


def of_pictures(result: Sequence[str]) -> str | None:
    """The only one of some columns of pictures, or the one that is called as pictures are.

    >>> of_pictures(["image", "mask"]), of_pictures(["left"]), of_pictures([])
    ('image', 'left', None)

    Raises:
        SourceError: There are several, and nobody said which is meant.
    """
    wanted = preferred(result)
    if wanted is None and result:
        raise SourceError(f"Columns {listed(result)} all hold pictures. Name the one to look at with --column.")
    return wanted


def called(labels: list[Any], classes: object) -> list[Any]:
    """The names of classes in the place of their numbers, where there is one for each.

    >>> called([1, 0], ["cat", "dog"]), called([1, 2], ["cat", "dog"])
    (['dog', 'cat'], [1, 2])
    """
    if not isinstance(classes, Sequence) or not all(isinstance(label, int) for label in labels):
        return labels
    fitting = all(isinstance(name, str) for name in classes) and set(labels) <= set(range(len(classes)))
    return [classes[label] for label in labels] if fitting else labels


def classes_of(table: Any) -> dict[str, list[str]]:
    """The names of classes that Hugging Face writes beside columns of their numbers."""
    try:
        features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
        return {name: kind["names"] for name, kind in features.items() if kind.get("_type") == "ClassLabel"}
    except (AttributeError, KeyError, TypeError, ValueError):  # somebody else's record, or none
        return {}
