"""Explanations of the similarity of two items of a collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from counterpoint.errors import InputError
from counterpoint.explanation.explanation import SHOWN, Neighbour, explained
from counterpoint.explanation.masked_vectors import MaskedItem
from counterpoint.modality import HasParts
from counterpoint.serving.collection import Collection

MASKS = 1024
"""Masks of each item, as in ``counterpoint explain``."""

CACHE = "explanations"
"""The folder of the tables of parts, in that of the index or the run: an item is encoded with masks once."""


class Pair(NamedTuple):
    """The rows of two items."""

    a: int
    b: int


def is_explainable(collection: Collection) -> bool:
    """Whether the model can mask parts of its items, and at least some items can be read."""
    if collection.model is None or not isinstance(collection.model.modality, HasParts):
        return False
    text = collection.index.items.column("text")
    return bool((collection.places >= 0).any()) or text.null_count < len(text)


def explain_pair(collection: Collection, pair: Pair) -> Mapping[str, Any]:
    """Which parts of one item match which parts of the other: the record of ``counterpoint explain --json``.

    Raises:
        InputError: There is no model, an item cannot be read, or it has no parts.
    """
    if collection.model is None:
        raise InputError("Nothing can be explained without a model. Serve the run, or an index that remembers it.")
    items = [collection.item(row) for row in pair]
    names = [str(known["name"]) for known in collection.index.about(pair)]
    for name, item in zip(names, items, strict=True):
        if item is None:
            raise InputError(f"Only the vector of '{name}' is here. Name the data with --source.")
    first, second = (MaskedItem.of(collection.model, item) for item in items)
    cache = None if collection.folder is None else collection.folder / CACHE
    result = explained(first, second, (names[0], names[1]), count=MASKS, seed=0, cache=cache)
    if result.explained:
        return result.record()
    near_a, near_b = (_neighbours(collection, row, pair) for row in pair)
    return replace(result, neighbours_a=near_a, neighbours_b=near_b).record()


def _neighbours(collection: Collection, row: int, pair: Pair) -> list[Neighbour]:
    """The items nearest to one of a pair, without the pair itself."""
    hits = collection.index.search(collection.index.vector(row), SHOWN + len(pair))[0]
    return [Neighbour(hit.name, hit.similarity) for hit in hits if hit.index not in pair][:SHOWN]
