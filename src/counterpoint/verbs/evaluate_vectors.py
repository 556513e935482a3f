"""The verb ``evaluate`` for vectors from any source: an array, a tensor, embeddings, or a file of them.

They are scored as a model's vectors are. What needs a model is left out: the untrained encoder as a baseline, and
alignment and collisions, for which views are encoded. The raw data, given as ``source``, is a baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from counterpoint.data.labels import read_class_ids
from counterpoint.data.overlap import note_on_shared, note_on_shared_groups, shared_vectors
from counterpoint.data.splits import class_counts
from counterpoint.data.vectors import Rows, Vectors, read_vectors
from counterpoint.errors import InputError
from counterpoint.evaluation.labelled import Labelled, groups_between
from counterpoint.evaluation.probe import compared
from counterpoint.evaluation.scores import dispersion, raw_features
from counterpoint.evaluation.verdict import headline
from counterpoint.modality import DataOptions
from counterpoint.reports.vectors import write_vectors_report
from counterpoint.setup.dataset import open_source
from counterpoint.setup.train_test import parted
from counterpoint.storage.files import expanded

BARE = (
    "These vectors are compared with chance alone: give the data that they were "
    "made from as source for raw features as a baseline."
)


class Reader:
    """Opens vectors as rows, and keeps what was opened."""

    def __init__(self) -> None:
        self.read: list[Vectors] = []

    def open(self, source: object) -> Rows:
        """The rows of an array, a tensor, embeddings or a file."""
        self.read.append(read_vectors(source))
        return self.read[-1].rows


def evaluate_vectors(
    train: object,
    test: object = None,
    *,
    labels: object = None,
    source: object = None,
    groups: object = None,
    seed: int = 0,
) -> dict[str, Any]:
    """The scores of vectors on labelled items, as ``evaluate`` gives those of a model.

    Raises:
        InputError: Vectors, labels, groups or the source cannot be read, or do not fit each other.
    """
    reader = Reader()
    train_items, test_items = parted(reader, train, test, labels, seed=seed, groups=groups, one_class=True)
    of_train, of_test = _with_raw(reader.read, source)
    widths = [part.vectors.shape[1] for part in (of_train, of_test)]
    if widths[0] != widths[1]:
        raise InputError(f"The vectors to learn from have {widths[0]} numbers, and those to test {widths[1]}.")
    counted = train_items.labels if test is not None else np.concatenate([train_items.labels, test_items.labels])
    scores = _scored((of_train, train_items), (of_test, test_items), seed=seed)
    sizes = {"train": len(train_items.items), "test": len(test_items.items), "classes": len(train_items.classes)}
    both = _shared((of_train, train_items), (of_test, test_items), separate=test is not None)
    return {
        **scores,
        "headline": headline({**scores, "sizes": sizes, **both}),
        "classes": class_counts(counted, train_items.classes),
        "sizes": sizes,
        **both,
    }


def report_vectors(file: str | Path, *, labels: object = None, source: object = None) -> Path:
    """Write a page beside a file of vectors: their scores, where labels are named or contained, and a map."""
    path, read = expanded(file), read_vectors(file)
    named, result = None, {}
    if labels is not None or read.rows.labels is not None:
        result = evaluate_vectors(path, labels=labels, source=source)
        named = read_class_ids(labels, path, read.rows).names()
    target = path.with_name(f"{path.stem}-report.html")
    return write_vectors_report(target, read.vectors, read.rows, labels=named, evaluation=result)


def _scored(train: tuple[Vectors, Labelled], test: tuple[Vectors, Labelled], *, seed: int) -> dict[str, Any]:
    """The scores of kNN and linear probe with their baselines, and the geometry of the test vectors."""
    (of_train, train_items), (of_test, test_items) = train, test
    features = {"trained": (_some(of_train.vectors, train_items), _some(of_test.vectors, test_items))}
    if of_train.raw is not None and of_test.raw is not None:
        features["raw"] = (_some(of_train.raw, train_items), _some(of_test.raw, test_items))
    return {
        **compared(
            features,
            train_items.labels,
            test_items.labels,
            seed=seed,
            train_groups=train_items.groups,
            test_groups=test_items.groups,
        ),
        "geometry": {"alignment": None, **dispersion(features["trained"][1])},
    }


def _shared(train: tuple[Vectors, Labelled], test: tuple[Vectors, Labelled], *, separate: bool) -> dict[str, Any]:
    """The number of test items that are training items, by their sources if known; and notes."""
    (of_train, train_items), (of_test, test_items) = train, test
    bare = of_train.raw is None
    count = shared_vectors(_some(of_test.content, test_items), _some(of_train.content, train_items)) if separate else 0
    notes = [note_on_shared(count, len(test_items.items), what="vector" if bare else "item")] if count else []
    groups = groups_between(train_items.items, test_items, separate=separate)
    notes += [note_on_shared_groups(groups["shared_groups"])] if groups.get("shared_groups") else []
    notes += [BARE] if bare else []
    return {"shared": count, **groups, **({"note": " ".join(notes)} if notes else {})}


def _with_raw(read: Sequence[Vectors], source: object) -> tuple[Vectors, Vectors]:
    """The training and test vectors, which may be the same, each with its source."""
    if source is None:
        return read[0], read[-1]
    sources = source if len(read) == 2 and isinstance(source, tuple) else (source,)
    if len(sources) != len(read):
        raise InputError("Give the source of the vectors to learn from and that of the test, as a pair.")
    modality, items = open_source(sources[0], DataOptions())
    held = []
    for vectors, made_of in zip(read, [items, *map(modality.open, sources[1:])], strict=True):
        if len(vectors.vectors) != len(made_of):
            raise InputError(
                f"There are {len(vectors.vectors)} vectors, and {len(made_of)} items in what they are said to be made "
                "of."
            )
        held.append(replace(vectors, raw=raw_features(modality, made_of)))
    return held[0], held[-1]


def _some(h: Float32[np.ndarray, "n d"], part: Labelled) -> Float32[np.ndarray, "m d"]:
    """The vectors of some rows."""
    return np.ascontiguousarray(h[_numbers(part)])


def _numbers(part: Labelled) -> Int64[np.ndarray, " m"]:
    """The rows of some items."""
    values: np.ndarray = part.items.take(np.arange(len(part.items))).numpy()
    return values
