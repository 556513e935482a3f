"""Why two items of a collection are alike: explained when somebody asks, in the thread of the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from counterpoint.errors import InputError
from counterpoint.explanation.explanation import explained
from counterpoint.explanation.masked_vectors import MaskedItem
from counterpoint.modality import HasParts
from counterpoint.serving.collection import Collection

MASKS = 1024
"""Of each item, as ``counterpoint explain`` has them."""


class Pair(NamedTuple):
    """Two rows."""

    a: int
    b: int


def has_parts(collection: Collection) -> bool:
    """Whether items can be cut into parts, and some are at hand."""
    text = collection.index.items.column("text")
    there = bool((collection.places >= 0).any()) or text.null_count < len(text)
    return collection.model is not None and isinstance(collection.model.modality, HasParts) and there


def explained_pair(collection: Collection, pair: Pair) -> Mapping[str, Any]:
    """Which part of the one goes with which part of the other, as ``counterpoint explain --json`` has it.

    Raises:
        InputError: An item is not at hand, or has no parts.
    """
    if collection.model is None:
        raise InputError("There is no model here, and without one nothing can be explained.")
    items = [collection.item(row) for row in pair]
    names = [str(known["name"]) for known in collection.index.about(pair)]
    for name, item in zip(names, items, strict=True):
        if item is None:
            raise InputError(f"'{name}' is not at hand, only its vector is. Name the data with --source.")
    first, second = (MaskedItem.of(collection.model, item) for item in items)
    return explained(first, second, (names[0], names[1]), count=MASKS, seed=0).record()
