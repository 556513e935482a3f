"""The meaning of a label: the name of a class, several names, or none; and class ids."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from jaxtyping import Int64

from counterpoint.data.splits import UNLABELLED
from counterpoint.errors import LabelError, listed
from counterpoint.label_types import BETWEEN

MISSING = frozenset({"", "nan", "NaN", "NaT", "<NA>", "null", "None"})
"""Strings that programs write for a missing label. NA and -1 are not among them: they are names of classes."""

PLAIN = frozenset({str, int, float, bool, type(None)})
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")

WORDS = MISSING - {""}

Key = tuple[type, Any]

Names = Sequence[Sequence[str] | None]
"""The classes of every item; None where it has no label."""


def name_of(label: object) -> str | None:
    """The class that a label names, as written; None where it names none.

    >>> [name_of(label) for label in ("007", "0.10", 3.0, True, "NA", "nan", float("nan"), None)]
    ['007', '0.10', '3', 'True', 'NA', None, None, None]
    """
    value = label.item() if hasattr(label, "item") else label
    if isinstance(value, float) and value.is_integer():  # 3.0 and 3 are the same class
        value = int(value)
    name = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return None if name.strip() in MISSING else name


def in_order(names: Iterable[str]) -> list[str]:
    """Distinct names, sorted numerically if all are numbers, else as strings.

    >>> in_order(["10", "9", "9"]), in_order(["10", "9", "nine"])
    (['9', '10'], ['10', '9', 'nine'])
    """
    different = set(names)
    if all(map(NUMBER.fullmatch, different)):
        return sorted(different, key=lambda name: (Decimal(name), name))
    return sorted(different)


def is_several(label: object) -> bool:
    """Whether a label is a list of labels."""
    return isinstance(label, list | tuple | set | frozenset) or (isinstance(label, np.ndarray) and label.ndim == 1)


def checked(labels: Sequence[Any]) -> list[Any]:
    """The labels, with lists of one element unwrapped; refused where one is neither a label nor a list of labels."""
    if set(map(type, labels)) <= PLAIN:
        return list(labels)
    for row, label in enumerate(labels):
        for each in label if is_several(label) else [label]:
            if is_several(each) or isinstance(each, dict) or np.ndim(each) > 0:
                raise LabelError(
                    f"Row {row} holds {_short(label)}. A label is a name or a number, or a list of those for an item "
                    "of several classes."
                )
    lists = [label for label in labels if is_several(label)]
    if lists and all(len(each) == 1 for each in lists):
        labels = [next(iter(label)) if is_several(label) else label for label in labels]
    return [label.item() if hasattr(label, "item") and not is_several(label) else label for label in labels]


def keys(labels: Iterable[Any]) -> Iterator[Key]:
    """Labels with their types: 1, 1.0 and True are equal in Python, and name two classes."""
    return ((type(label), label) for label in labels)


def distinct(labels: Iterable[Any]) -> Counter[Key]:
    """The distinct labels, and their counts."""
    return Counter(keys(labels))


def whole_numbers(labels: Iterable[Any]) -> bool:
    """Whether all labels are integers, or floats with integer values."""
    return all(
        isinstance(label, int | np.integer | float | np.floating)
        and not isinstance(label, bool)
        and (isinstance(label, int | np.integer) or float(label).is_integer())
        for label in labels
        if name_of(label) is not None
    )


def matrix_of(labels: Sequence[Any]) -> np.ndarray | None:
    """Lists of numbers of equal length as a matrix (n, k), NaN where one is missing; None for any other lists."""
    lists = [label for label in labels if is_several(label)]
    lengths = {len(label) for label in lists}
    if len(lengths) != 1 or not all(isinstance(each, int | float | np.number) for label in lists for each in label):
        return None
    if not all(is_several(label) or name_of(label) is None for label in labels):
        return None
    missing = [np.nan] * lengths.pop()
    return np.asarray([list(label) if is_several(label) else missing for label in labels], dtype=np.float64)


def of_matrix(matrix: np.ndarray) -> Int64[np.ndarray, "n k"]:
    """Multi-label class ids from zeros and ones; -1 or NaN means unknown."""
    missing = np.isnan(matrix) | (matrix == UNLABELLED)
    if not np.isin(matrix[~missing], (0, 1)).all():
        raise LabelError(
            "Labels (n, k) say for each class whether an item is of it: 1, 0, or -1 throughout where nobody knows. "
            f"Got {listed(sorted({f'{each:g}' for each in matrix[~missing].tolist()} - {'0', '1'}), 5)}."
        )
    return np.where(missing.any(axis=1)[:, None], UNLABELLED, np.where(missing, 0, matrix)).astype(np.int64)


def names_of_lists(labels: Sequence[Any]) -> Names:
    """The names in lists of names; an empty list is an item of no class, and None one without a label."""
    result: list[list[str] | None] = []
    for row, label in enumerate(labels):
        if not is_several(label):
            if name_of(label) is not None:
                raise LabelError(
                    f"Row {row} holds {_short(label)}, where other rows hold lists of labels. Give every row a list: "
                    "[] for an item of no class, None for one without a label."
                )
            result.append(None)
            continue
        names = [name_of(each) for each in label]
        if None in names:
            raise LabelError(
                f"Row {row} holds {_short(label)}, in which a name is missing. Fill it in, or leave it out."
            )
        result.append([name for name in names if name is not None])
    return result


def between_bars(name: str | None) -> list[str] | None:
    """The names in such as ``cat|dog``; a bar alone is an item of no class.

    >>> [between_bars(name) for name in ("cat|dog", "|", None)]
    [['cat', 'dog'], [], None]
    """
    return None if name is None else [part.strip() for part in name.split(BETWEEN) if part.strip()]


def of_names(names: Names) -> tuple[Int64[np.ndarray, "n k"], list[str]]:
    """For each item and class whether it has that class, and the names of the classes."""
    classes = in_order(name for each in names for name in each or ())
    place = {name: column for column, name in enumerate(classes)}
    class_ids = np.zeros((len(names), len(classes)), dtype=np.int64)
    for row, each in enumerate(names):
        if each is None:
            class_ids[row] = UNLABELLED
        else:
            class_ids[row, [place[name] for name in each]] = 1
    return class_ids, classes


def missing_words(labels: Counter[Key]) -> list[str]:
    """A sentence where words are read as missing labels."""
    words = {label: count for (_, label), count in labels.items() if isinstance(label, str) and label.strip() in WORDS}
    counts = ", ".join(f"'{word}' ({count:,})" for word, count in words.items())
    return [f"Read as no label: {counts}."] if words else []


def _short(label: object) -> str:
    text = repr(label)
    return text if len(text) <= 60 else f"{text[:57]}..."
