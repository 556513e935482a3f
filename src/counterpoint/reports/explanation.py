"""The page of an explanation, and the explained neighbours of a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint import __version__
from counterpoint.batch import Batch
from counterpoint.modality import Modality
from counterpoint.reports.linked_parts import DrawnPair, drawn_pair
from counterpoint.reports.sample import Sample
from counterpoint.reports.template import template
from counterpoint.storage.files import write_text

PAIRS, TRIED = 3, 6
"""Explained pairs in a report, and pairs that are tried to find some with a sufficient R2."""

Explain = Callable[[tuple[Batch, Batch], tuple[str, str]], Mapping[str, Any]]
"""From two items, each in a batch of its own, and their names, to the record of an explanation."""


def write_explanation(path: Path, result: Mapping[str, Any], modality: Modality, items: tuple[Batch, Batch]) -> Path:
    """Write the page of an explanation's record, with each item in a batch of its own; return its path."""
    pair = drawn_pair(result, modality, items)
    page = template("explanation").render(pair=pair, result=result, version=__version__)
    write_text(path, page.encode("utf-8", "backslashreplace").decode("utf-8"))
    return path


def explained_neighbours(modality: Modality, sample: Sample, explain: Explain) -> list[DrawnPair]:
    """Items in the middle of the largest clusters and their nearest neighbours, where parts explain the pair."""
    pairs: list[DrawnPair] = []
    for row in sample.middle[:TRIED].tolist():
        if len(pairs) == PAIRS:
            break
        similarities = sample.vectors @ sample.vectors[row]
        similarities[row] = -np.inf
        other = int(similarities.argmax())
        items = sample.items.take(np.array([row])), sample.items.take(np.array([other]))
        result = explain(items, (sample.names[row], sample.names[other]))
        if result["explained"]:
            pairs.append(drawn_pair(result, modality, items))
    return pairs
