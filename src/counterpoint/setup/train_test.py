"""Training and test items, as the verbs that evaluate split them."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64

from counterpoint.data.groups import advice, of_later, with_groups
from counterpoint.data.labels import pair, read_class_ids, read_some_labels
from counterpoint.data.splits import hold_out, is_labelled
from counterpoint.errors import LabelError
from counterpoint.evaluation.labelled import SHARE, Labelled, held_out, numbered_alike
from counterpoint.interfaces import Items, info_of
from counterpoint.model import Model
from counterpoint.setup.progress import announce_labels


@runtime_checkable
class Opens(Protocol):
    """What opens a source as items: a model, or a reader of vectors."""

    def open(self, source: object) -> Items: ...


def open_grouped(model: Opens, source: object, groups: object = None) -> Items:
    """Items with the groups given for them, or with those of a column or of folders as in training."""
    items = model.open(source)
    if isinstance(model, Model):
        return of_later(items, model.modality, source, groups)
    return with_groups(items, groups, source)


def parted(
    model: Opens,
    train: object,
    test: object,
    labels: object,
    *,
    seed: int,
    groups: object = None,
    one_class: bool = False,
) -> tuple[Labelled, Labelled]:
    """The training items, -1 where unlabelled, and the test items, with the same classes.

    With ``one_class``, as a probe needs it, unlabelled items are left out. ``groups`` are as for ``read_groups``,
    or a pair of those for train and test.

    Raises:
        LabelError: The labels cannot be read or do not suffice; or items have several classes where one is needed.
    """
    first, second = pair(labels, separate=test is not None)
    of_train, of_test = pair(groups, separate=test is not None, what="group")
    items = open_grouped(model, train, of_train)
    read = read_some_labels(first, train, items)
    train_items = Labelled.read(items, read)
    if one_class:
        train_items = _of_one_class(train_items)
    if test is None:
        parts = held_out(train_items, seed=seed) if one_class else set_apart(train_items, seed=seed)
        announce_labels(read)
        return parts
    others = open_grouped(model, test, of_test)
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


def set_apart(labelled: Labelled, *, seed: int) -> tuple[Labelled, Labelled]:
    """The items without a fifth of the labelled ones of every class, and that fifth; see ``rows_apart``."""
    rest, held = rows_apart(labelled, seed=seed)
    return labelled.of(rest), labelled.of(held)


def rows_apart(labelled: Labelled, *, seed: int) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " m"]]:
    """The training rows, and a fifth of the labelled rows of every class, which is held out.

    Groups are not split: unlabelled items of a held-out group are in neither part.

    Raises:
        LabelError: None can be held out.
    """
    rows = np.flatnonzero(is_labelled(labelled.labels))
    some = labelled if len(rows) == len(labelled.labels) else labelled.of(rows)
    _, held = hold_out(some.labels, seed=seed, share=SHARE, groups=some.groups)
    if not held.any():
        why = "Every class has one label, so none can be held out of the test. Give a test source."
        raise LabelError(why if some.groups is None else advice(some.groups))
    rest = np.setdiff1d(np.arange(len(labelled.labels)), rows[held])
    groups = info_of(labelled.items).groups
    if groups is not None:
        apart = {groups[row] for row in rows[held]}
        rest = rest[[groups[row] not in apart for row in rest]]
    return rest, rows[held]
