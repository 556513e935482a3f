"""The labelled items by which runs are compared: training and test items of a probe."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int64

from counterpoint.data.groups import of_later, shared_groups
from counterpoint.data.labels import Labels, pair, read_class_ids
from counterpoint.data.overlap import note_on_shared, note_on_shared_groups, shared
from counterpoint.data.splits import UNLABELLED, is_labelled
from counterpoint.errors import LabelError
from counterpoint.evaluation.labelled import Labelled, numbered_alike
from counterpoint.evaluation.probe import probe
from counterpoint.evaluation.scores import raw_features
from counterpoint.interfaces import Items
from counterpoint.modality import Modality
from counterpoint.model import Model
from counterpoint.setup.dataset import identity
from counterpoint.setup.progress import announce_labels, console
from counterpoint.setup.supervision import unseen
from counterpoint.setup.train_test import rows_apart

CHOSEN = 20_000
"""The most training items of the probe: more would take longer than a short run."""

OWN = "own"
"""Means the labels that a source contains; without it a verb uses no labels."""


class Right(NamedTuple):
    """The test items (m,) that a probe of some features predicts correctly."""

    linear: Bool[np.ndarray, " m"]
    knn: Bool[np.ndarray, " m"]


@dataclass(frozen=True)
class ProbeItems:
    """Training and test items of the probe, and the labels that a run may learn from."""

    train: Labelled
    test: Labelled
    learnable: Int64[np.ndarray, " n"]
    """The class of every item of the source, -1 for test items and unlabelled ones."""
    read: Labels
    """The labels of the source, and of the test items where those have their own source."""
    answers: Labels | None = None
    shared: int = 0
    """The number of test items that are equal to training items."""
    shared_groups: Sequence[str] = ()
    """The groups of either."""

    def announce(self) -> None:
        """Print the classes, and a warning if test items are training items."""
        announce_labels(self.read, held_out=self.answers is None)
        if self.answers is not None:
            announce_labels(self.answers, what="test", held_out=False)
        if self.shared:
            console().print(f"warning   {note_on_shared(self.shared, len(self.test.labels))}", markup=False)
        if self.shared_groups:
            console().print(f"warning   {note_on_shared_groups(self.shared_groups)}", markup=False)

    def right(self, model: Model) -> Right:
        """Correct predictions from a model's representations."""
        return self._correct(model.represent(self.train.items), model.represent(self.test.items))

    def raw(self, modality: Modality) -> Right:
        """Correct predictions from raw features, without an encoder."""
        return self._correct(raw_features(modality, self.train.items), raw_features(modality, self.test.items))

    def counts(self) -> dict[str, Any]:
        """The numbers of test items, of training items, and of shared ones; and the same of groups."""
        counts: dict[str, Any] = {
            "asked": len(self.test.labels),
            "known": len(self.train.labels),
            "shared": self.shared,
        }
        if self.test.groups is not None:
            counts |= {"groups": self.test.group_count, "shared_groups": list(self.shared_groups)}
        return counts

    def identity(self, modality: Modality, items: Items, encoder: str) -> str:
        """A fingerprint of the source, of the test items, and of their labels."""
        of_all = [
            identity(items, modality, encoder, self.learnable),
            identity(self.train.items, modality, encoder, self.train.labels),
            identity(self.test.items, modality, encoder, self.test.labels),
        ]
        return hashlib.sha256("".join(of_all).encode()).hexdigest()

    def chance(self) -> Right:
        """Correct predictions of the most frequent class."""
        correct = self.test.labels == np.bincount(self.train.labels).argmax()
        return Right(correct, correct)

    def _correct(self, train: np.ndarray, test: np.ndarray) -> Right:
        count = len(self.train.classes)
        result = probe(train, self.train.labels, test, self.test.labels, classes=count, train_groups=self.train.groups)
        return Right(result.linear, result.knn)


def questions(
    modality: Modality,
    source: object,
    items: Items,
    *,
    test: object,
    labels: object,
    seed: int,
    groups: object = None,
) -> ProbeItems:
    """The labelled items of a source: tested on ``test``, or else on a fifth of its own.

    ``groups`` are those of the test items, where they are given as a list.

    Raises:
        LabelError: There are no labels, or none can be used for testing.
    """
    first, second = pair(labels, separate=test is not None)
    unseen(first, modality)
    read = read_class_ids(first, source, items)
    class_ids, classes = read.class_ids, read.classes
    if class_ids.ndim != 1:
        raise LabelError("Runs are compared by one class for each item. These labels name several at once.")
    answers = None
    if test is None:
        rest, held = rows_apart(Labelled.read(items, read), seed=seed)
        test_items = Labelled(items, class_ids, classes).of(held)
        class_ids = np.where(np.isin(np.arange(len(class_ids)), rest), class_ids, UNLABELLED)
    else:
        others = of_later(modality.open(test), modality, test, groups)
        answers = read_class_ids(second, test, others)
        test_items = numbered_alike(Labelled.read(items, read), Labelled.read(others, answers))
    rows = np.flatnonzero(is_labelled(class_ids))
    if len(rows) > CHOSEN:
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[:CHOSEN])
    twice = 0 if test is None else shared(test_items.items, items)
    both = [] if test is None else shared_groups(test_items.items, items)
    return ProbeItems(Labelled(items, class_ids, classes).of(rows), test_items, class_ids, read, answers, twice, both)
