"""The labels of items: one class for each, or several, from any source. Every verb reads them here.

An item is unlabelled where its label is None, NaN, empty, or one of the words ``label_names.MISSING``; and where it is
-1 in a list or an array of integers. In columns and files -1 is a class like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int64

from counterpoint.data import label_names as names
from counterpoint.data.label_sources import Given, find_labels
from counterpoint.data.splits import UNLABELLED, ClassIds, class_counts, is_labelled
from counterpoint.data.wide_series import one_per_series
from counterpoint.errors import LabelError, counted, listed
from counterpoint.interfaces import Items, info_of
from counterpoint.label_types import BETWEEN, LABEL_TYPES, named

NO_LABEL = "no label"


@dataclass(frozen=True)
class Labels:
    """The class of every item, -1 throughout for unlabelled ones, and notes on how that was read."""

    class_ids: ClassIds
    classes: list[str]
    notes: Sequence[str] = ()
    """Notes on how they were read."""

    @property
    def labelled(self) -> int:
        """The number of labelled items."""
        return int(is_labelled(self.class_ids).sum())

    def names(self) -> list[str]:
        """The class of every item, or its classes separated by bars; ``NO_LABEL`` where unlabelled."""
        label_type, labelled = LABEL_TYPES[named(self.class_ids)], is_labelled(self.class_ids)
        return [
            label_type.name_of(code, self.classes) if there else NO_LABEL
            for code, there in zip(self.class_ids, labelled, strict=True)
        ]

    def counts(self) -> dict[str, int]:
        """The number of items of each class."""
        return class_counts(self.class_ids, self.classes)

    def single(self) -> list[str]:
        """The classes with a single item, where others have more: they are trained on, and cannot be tested."""
        counts = self.counts()
        return [name for name, count in counts.items() if count == 1] if max(counts.values()) > 1 else []


def read_class_ids(spec: object, source: object, items: Items) -> Labels:
    """The class ids of items, -1 for unlabelled ones, and the names of the classes.

    Items may be multi-label: in an array (n, k) of zeros and ones, with lists of names, or with names such as
    ``cat|dog``; an empty list, or a bar alone, is an item of no class.

    Args:
        spec: None for the labels that the source contains, ``"folder"`` for the folder of each item, a
            column of the source, the path of an ``.npy`` file or of a ``.csv`` file with the columns ``name`` and
            ``label``, or an array or a list.
        source: The source that ``items`` were opened from.
        items: The items. Those with ``rows``, their indices in their source, may have left some out.

    Raises:
        LabelError: There are none, too many, or too few, or a row contains something else than labels.
    """
    source_labels = find_labels(spec, source, items)
    labels = names.checked(of_items(source_labels.labels, items))
    if any(map(names.is_several, labels)):
        class_ids, classes, notes = _of_lists(labels)
    else:
        class_ids, classes, notes = _of_scalars(labels, source_labels)
    if class_ids.ndim == 2 and not classes:
        raise LabelError(f"None of the {len(items)} items is of any class. Label a few of every class.")
    if not is_labelled(class_ids).any():
        raise LabelError(f"None of the {len(items)} items has a label. Label a few of every class.")
    return Labels(class_ids, classes, (*source_labels.notes, *notes))


def read_some_labels(spec: object, source: object, items: Items) -> Labels:
    """As ``read_class_ids``, for training items.

    Raises:
        LabelError: As ``read_class_ids``; or fewer than two classes are labelled, or all labels are different numbers,
            or, for multi-label items, none or all of them have a class.
    """
    labels = read_class_ids(spec, source, items)
    if labels.class_ids.ndim == 2:
        _require_both(labels.class_ids[is_labelled(labels.class_ids)], labels.classes)
        return labels
    if len(labels.classes) < 2:
        every = f"All {labels.labelled} labels are" if labels.labelled > 1 else "The only label is"
        message = f"{every} '{labels.classes[0]}'. A classifier needs two classes."
        raise LabelError(" ".join([message, *labels.notes]))
    measured = all(map(names.NUMBER.fullmatch, labels.classes)) and any("." in name for name in labels.classes)
    if measured and len(labels.classes) == labels.labelled:
        raise LabelError(alone(labels.labelled))
    return labels


def alone(labels: int) -> str:
    """The message about labels that are all different."""
    return (
        f"No label stands for two items: {labels} labels for {labels} items. "
        "Are they names, or numbers to predict? Give classes."
    )


def pair(labels: object, *, separate: bool, what: str = "label") -> tuple[object, object]:
    """Labels of train and test: two where two are given, else the same specification for both."""
    if isinstance(labels, str) and separate and labels.count(",") == 1 and ".npy" in labels:
        first, second = labels.split(",")
        return first.strip(), second.strip()
    if isinstance(labels, tuple) and len(labels) == 2 and separate:
        return labels
    if separate and labels is not None and not isinstance(labels, str):
        raise LabelError(f"Give {what}s for train and test, as a pair (train_{what}s, test_{what}s).")
    return labels, labels


def encode(labels: Sequence[Any] | np.ndarray, classes: Sequence[str] | None = None) -> tuple[np.ndarray, list[str]]:
    """Labels as class ids (n,) int64, and the names of the classes: those given, or all that occur, in order.

    A label that is missing is -1.

    >>> class_ids, classes = encode(["shoe", "bag", "shoe", None])
    >>> class_ids.tolist(), classes
    ([1, 0, 1, -1], ['bag', 'shoe'])
    """
    cells = labels.tolist() if hasattr(labels, "tolist") else labels
    named = {key: names.name_of(key[1]) for key in names.distinct(cells)}
    return _numbered(cells, named, classes)


def _numbered(
    labels: Sequence[Any], named: Named, classes: Sequence[str] | None = None
) -> tuple[Int64[np.ndarray, " n"], list[str]]:
    """The same from the class of every distinct label."""
    there = {name for name in named.values() if name is not None}
    chosen = names.in_order(there) if classes is None else list(classes)
    if unknown := there - set(chosen):
        raise LabelError(f"Labels {listed(names.in_order(unknown), 5)} are none of the classes {listed(chosen)}.")
    place = {name: code for code, name in enumerate(chosen)}
    code = {key: UNLABELLED if name is None else place[name] for key, name in named.items()}
    return np.asarray([code[key] for key in names.keys(labels)], dtype=np.int64), chosen


Named = dict[names.Key, str | None]
"""The class of every distinct label, None for those that name none."""

Read = tuple[ClassIds, list[str], list[str]]
"""Class ids, classes and notes."""


def _of_scalars(labels: Sequence[Any], source_labels: Given) -> Read:
    """One label for each item, or names separated by bars."""
    counts = names.distinct(labels)
    named = {key: names.name_of(key[1]) for key in counts}
    notes = names.missing_words(counts)
    if source_labels.listed and names.whole_numbers(key[1] for key in counts):
        nobody = [key for key, name in named.items() if name == str(UNLABELLED)]
        named |= dict.fromkeys(nobody)
        if nobody:
            notes.append(
                f"-1 means no label in an array of integers ({sum(counts[key] for key in nobody):,} of "
                f"{len(labels):,}); where it is a class, give the labels as text."
            )
    if any(isinstance(label, str) and BETWEEN in label for _, label in counts):
        bars = {key: names.between_bars(name) for key, name in named.items()}
        return *names.of_names([bars[key] for key in names.keys(labels)]), notes
    return *_numbered(labels, named), notes


def _of_lists(labels: Sequence[Any]) -> Read:
    """Zeros and ones for every class, or lists of names."""
    matrix = names.matrix_of(labels)
    if matrix is not None:
        return names.of_matrix(matrix), [str(column) for column in range(matrix.shape[1])], []
    return *names.of_names(names.names_of_lists(labels)), []


def _require_both(class_ids: Int64[np.ndarray, "n k"], classes: Sequence[str]) -> None:
    """Refuse classes that no labelled item has, or every one."""
    for count, lack in (
        (class_ids.sum(axis=0), "no item is of"),
        (len(class_ids) - class_ids.sum(axis=0), "every item is of"),
    ):
        if (count == 0).any():
            there = listed([classes[place] for place in np.flatnonzero(count == 0).tolist()], 5)
            raise LabelError(
                f"Of the {len(class_ids)} labelled, {lack} {there}. Label some more, or leave the class out."
            )


def of_items(labels: list[Any], items: Items, *, what: str = "label") -> list[Any]:
    """The labels of the items, where labels were given for skipped ones too."""
    if len(labels) == len(items):
        return labels
    info = info_of(items)
    steps_of = info.steps_of
    if info.windows is not None and len(labels) == info.windows.bounds[-1]:
        return [labels[row] for row in info.windows.middle_rows.tolist()]
    if steps_of is not None and len(labels) == len(steps_of):
        return one_per_series(labels, steps_of, items.names, what=what)
    rows, skipped = info.source_rows, len(info.skipped)
    count = len(items) + skipped if info.source_count is None else info.source_count
    if rows is not None and len(labels) == count:
        return [labels[row] for row in rows]
    beside = f" (and {skipped} that were skipped)" if skipped else ""
    raise LabelError(
        f"Got {counted(len(labels), what)} for {counted(len(items), 'item')}{beside}. Give one {what} per item."
    )
