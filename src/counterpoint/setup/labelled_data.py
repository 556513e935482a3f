"""The data of ``semi``, opened once, with its labels divided into training and test."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import torch

from counterpoint.batch import as_bytes
from counterpoint.data.labels import Labels, read_some_labels
from counterpoint.data.splits import budget, members
from counterpoint.data.subset import spread
from counterpoint.errors import LabelError
from counterpoint.evaluation.labelled import Labelled
from counterpoint.interfaces import Items
from counterpoint.modality import DataOptions, Modality
from counterpoint.plans import SemiPlan
from counterpoint.plans.data_options import ReadOptions
from counterpoint.setup.dataset import open_source
from counterpoint.setup.defaults import fitting_batch
from counterpoint.setup.label_budget import Budget
from counterpoint.setup.progress import decoding
from counterpoint.setup.supervision import unseen
from counterpoint.setup.train_test import set_apart
from counterpoint.training.config import steps_per_epoch

SMALLER = (1, 5, 10, 50)
"""Budgets per class that a larger one is compared with."""


@dataclass(frozen=True)
class Material:
    """The items, and how their labels are used; the class of unlabelled items is -1."""

    modality: Modality
    items: Items
    everything: Labelled
    learned: Labelled
    """Labelled items that the final classifier learns from, up to its budget."""
    train: Labelled
    """Training items of everything that is tested."""
    test: Labelled | None
    """Test items; None where no label can be held out."""
    budgets: list[Budget]
    """The budget of ``train``, and smaller ones to compare it with."""
    read: Labels
    """How the labels were read."""

    def identity(self) -> str:
        """A fingerprint of the items and of their labels: a run is only resumed with the same."""
        sample = as_bytes(self.items.take(spread(len(self.items), 16)))
        described = json.dumps([list(self.items.names), list(self.train.classes), dict(self.modality.settings())])
        named = self.everything.labels.tobytes()
        return hashlib.sha256(described.encode() + sample + named).hexdigest()

    @property
    def spared(self) -> bool:
        """Whether the labels of the test items are held out from the final classifier, too."""
        return self.learned is self.train and self.test is not None


def gather(source: object, labels: object, test: SemiPlan, *, data: ReadOptions, groups: object = None) -> Material:
    """Open the data and split it.

    With a budget a fifth of all labels is held out for testing. Without one every label is needed: the classifier
    learns from all of them, and others that learn from four fifths estimate how good it is.

    Raises ``InputError`` where data, labels or budget cannot be used.
    """
    options = DataOptions(kind=test.modality, data=data, labels=labels, groups=groups, progress=decoding())
    modality, items = open_source(source, options)
    unseen(labels, modality)
    _require_networks(modality, len(items), test)
    read = read_some_labels(labels, source, items)
    everything = Labelled.read(items, read)
    limited = test.per_class is not None or test.fraction is not None
    try:
        train, questions = set_apart(everything, seed=test.seed)
    except LabelError:
        if limited:
            raise
        return Material(modality, items, everything, everything, everything, None, [], read)
    learned = train if limited else everything
    drawn = budget(learned.labels, learned.classes, per_class=test.per_class, fraction=test.fraction, seed=test.seed)
    drawn_of_each = members(learned.labels[drawn], len(learned.classes), seed=test.seed)
    most = max(map(len, drawn_of_each))
    size = Budget(test.per_class, (test.fraction or 1.0) if test.per_class is None else None)
    smaller = [Budget(each, None) for each in SMALLER if each < most]
    return Material(modality, items, everything, learned, train, questions, [size, *smaller], read)


def _require_networks(modality: Modality, items: int, test: SemiPlan) -> None:
    """Refuse networks and batches that a later step could not use, before the first begins."""
    steps_per_epoch(items, fitting_batch(test.batch_size, items))
    with torch.random.fork_rng():
        modality.build_encoder(test.encoder, test.width)
        if test.student != "same":
            modality.build_encoder(test.student, test.student_width)
        elif test.student_width is not None:
            modality.build_encoder(test.encoder, test.student_width)
