"""Items to learn from and items to ask about, as the verbs that measure take them apart."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from counterpoint.data.labels import pair, read_class_ids, read_some_labels
from counterpoint.data.splits import hold_out, is_labelled
from counterpoint.errors import LabelError
from counterpoint.evaluation.labelled import SHARE, Labelled, held_out, numbered_alike
from counterpoint.interfaces import Items
from counterpoint.setup.progress import announce_labels


@runtime_checkable
class Opens(Protocol):
    """What makes items of a source: a model, or what reads vectors."""

    def open(self, source: object) -> Items: ...


def parted(
    model: Opens, train: object, test: object, labels: object, *, seed: int, one_class: bool = False
) -> tuple[Labelled, Labelled]:
    """The items to learn from, -1 where there is no label, and those to ask about, of the same classes.

    With ``one_class``, as a probe needs it, items without a label are left out.

    Raises:
        LabelError: The labels cannot be read, or say too little; or items have several classes and may have one only.
    """
    first, second = pair(labels, separate=test is not None)
    items = model.open(train)
    read = read_some_labels(first, train, items)
    train_items = Labelled.read(items, read)
    if one_class:
        train_items = _of_one_class(train_items)
    if test is None:
        parts = held_out(train_items, seed=seed) if one_class else set_apart(train_items, seed=seed)
        announce_labels(read)
        return parts
    others = model.open(test)
    answers = read_class_ids(second, test, others)
    test_items = numbered_alike(train_items, Labelled.read(others, answers))
    announce_labels(read, held_out=False)
    announce_labels(answers, what="test", held_out=False)
    return train_items, test_items


def _of_one_class(train_items: Labelled) -> Labelled:
    if train_items.labels.ndim != 1:
        raise LabelError(
            "A probe is asked for one class of every item, and these labels name several at once. Fine-tune a "
            "classifier on them and evaluate that."
        )
    return train_items.labelled()


def labelled_of_one_class(items: Items, labels: object, source: object) -> Labelled:
    """The items that have a label, each of one class; how the labels were read is announced."""
    read = read_some_labels(labels, source, items)
    announce_labels(read)
    return _of_one_class(Labelled.read(items, read))


def set_apart(labelled: Labelled, *, seed: int) -> tuple[Labelled, Labelled]:
    """The items without a fifth of the labelled ones of every class, and that fifth."""
    rows = np.flatnonzero(is_labelled(labelled.labels))
    _, held = hold_out(labelled.labels[rows], seed=seed, share=SHARE)
    if not held.any():
        raise LabelError("Every class has one label, so none can be held out to ask about. Give a test source.")
    rest = np.setdiff1d(np.arange(len(labelled.labels)), rows[held])
    return labelled.of(rest), labelled.of(rows[held])
