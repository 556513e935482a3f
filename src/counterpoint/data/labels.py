"""One label per item: from the source itself, its folders, a column, a file or a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Int64

from counterpoint.data.datasets import keeps_pictures
from counterpoint.data.frames import columns_of, is_frame, read_columns
from counterpoint.data.paths import existing
from counterpoint.data.splits import UNLABELLED, Codes, is_labelled
from counterpoint.errors import LabelError, closest, listed
from counterpoint.interfaces import Items
from counterpoint.naming import BETWEEN


def read_labels(spec: object, source: object, items: Items) -> np.ndarray:
    """One label for each item, in the order of the items.

    Args:
        spec: None for the labels that the source carries, ``"folder"`` for the folder that each item lies in, a
            column of the source, the path of an ``.npy`` file or of a ``.csv`` file with the columns ``name`` and
            ``label``, or an array or a list.
        source: What ``items`` were opened from.
        items: The items. Those with ``rows``, the places that they had in their source, may have left some out.

    Raises:
        LabelError: There are none, too many, too few, or some are missing.
    """
    labels = _given(spec, source, items)
    if labels.ndim != 1:
        raise LabelError(f"Labels are one per item. Got an array of shape {labels.shape}.")
    missing = [place for place, label in enumerate(labels.tolist()) if _absent(label)]
    if missing:
        name = items.names[missing[0]]
        raise LabelError(
            f"{len(missing)} of {len(labels)} labels are missing, the first that of '{name}'. "
            "Fill them in, or leave those items out."
        )
    return labels


def read_some_labels(spec: object, source: object, items: Items) -> tuple[Codes, list[str]]:
    """As ``read_codes``, of items to learn from.

    Raises:
        LabelError: As ``read_codes``; or fewer than two classes are labelled, or one class has a single item while
            others have more, or, where items may be of several classes, none or all of them are of one.
    """
    codes, classes = read_codes(spec, source, items)
    known = codes[is_labelled(codes)]
    if codes.ndim == 2:
        _require_both(known, classes)
        return codes, classes
    if len(classes) < 2:
        raise LabelError(f"All {len(known)} labels are '{classes[0]}'. A classifier needs two classes to tell apart.")
    counts = np.bincount(known)
    if counts.max() > 1 and counts.min() == 1:
        alone = classes[int(counts.argmin())]
        raise LabelError(
            f"The class '{alone}' has one labelled item, too few to learn from some and to check with others. "
            "Label one more, or take its label away."
        )
    return codes, classes


def read_codes(spec: object, source: object, items: Items) -> tuple[Codes, list[str]]:
    """What the items are named, -1 for those without a label, and the names of the classes.

    An item has no label where the label is -1, empty, or where a table of names and labels does not name it. Items may
    be of several classes: in an array (n, k) of zeros and ones, or with names such as ``cat|dog``.

    Raises:
        LabelError: As ``read_labels``, but for labels that are missing; or there is none at all.
    """
    labels = _given(spec, source, items)
    if labels.ndim == 2:
        return _several(labels), [str(column) for column in range(labels.shape[1])]
    known = np.asarray([not _absent(label) and not _unknown(label) for label in labels.tolist()], dtype=bool)
    if not known.any():
        raise LabelError(f"None of the {len(items)} items has a label. Label a few of every class.")
    if any(isinstance(label, str) and BETWEEN in label for label in labels[known].tolist()):
        return _ticked(labels, known)
    found, classes = encode(labels[known].tolist())
    codes = np.full(len(labels), UNLABELLED, dtype=np.int64)
    codes[known] = found
    return codes, classes


def _ticked(labels: np.ndarray, known: np.ndarray) -> tuple[Int64[np.ndarray, "n k"], list[str]]:
    """For each class whether an item is named so."""
    named = [{part.strip() for part in str(label).split(BETWEEN) if part.strip()} for label in labels.tolist()]
    classes = sorted(set().union(*(each for each, there in zip(named, known, strict=True) if there)))
    rows = [
        [int(name in each) for name in classes] if there else [UNLABELLED] * len(classes)
        for each, there in zip(named, known, strict=True)
    ]
    return np.asarray(rows, dtype=np.int64), classes


def _several(labels: np.ndarray) -> Int64[np.ndarray, "n k"]:
    """Codes of items that may be of several classes."""
    try:
        numbers = labels.astype(np.float64)
    except ValueError:
        raise LabelError("Labels (n, k) are zeros and ones, or -1 throughout where nobody knows. Got text.") from None
    missing = np.isnan(numbers) | (numbers == UNLABELLED)
    if not np.isin(numbers[~missing], (0, 1)).all():
        raise LabelError(
            "Labels (n, k) say for each class whether an item is of it: 1, 0, or -1 throughout where nobody knows. "
            f"Got {listed(sorted({f'{each:g}' for each in numbers[~missing].tolist()} - {'0', '1'}), 5)}."
        )
    codes = np.where(missing.any(axis=1)[:, None], UNLABELLED, np.where(missing, 0, numbers)).astype(np.int64)
    if not is_labelled(codes).any():
        raise LabelError(f"None of the {len(labels)} items has a label. Label a few of every class.")
    return codes


def _require_both(known: Int64[np.ndarray, "n k"], classes: Sequence[str]) -> None:
    """Refuse classes that no labelled item is of, or every one."""
    for count, said in ((known.sum(axis=0), "no item is of"), (len(known) - known.sum(axis=0), "every item is of")):
        if (count == 0).any():
            names = listed([classes[place] for place in np.flatnonzero(count == 0).tolist()], 5)
            raise LabelError(f"Of the {len(known)} labelled, {said} {names}. Label some more, or leave the class out.")


def pair(labels: object, *, separate: bool) -> tuple[object, object]:
    """Labels of train and test: two where two are given, else the same specification for both."""
    if isinstance(labels, str) and separate and labels.count(",") == 1 and ".npy" in labels:
        first, second = labels.split(",")
        return first.strip(), second.strip()
    if isinstance(labels, tuple) and len(labels) == 2 and separate:
        return labels
    if separate and labels is not None and not isinstance(labels, str):
        raise LabelError("Give labels for train and test, as a pair (train_labels, test_labels).")
    return labels, labels


def encode(labels: Sequence[Any] | np.ndarray, classes: Sequence[str] | None = None) -> tuple[np.ndarray, list[str]]:
    """Labels as numbers (n,) int64 of classes, and the names of the classes: those given, or all that occur, sorted.

    >>> codes, classes = encode(["shoe", "bag", "shoe"])
    >>> codes.tolist(), classes
    ([1, 0, 1], ['bag', 'shoe'])
    """
    values = whole(_array(labels))
    if classes is None:
        sortable = values if values.dtype.kind in "biuf" else values.astype(str)
        found, codes = np.unique(sortable, return_inverse=True)
        return codes.astype(np.int64), [str(each) for each in found.tolist()]
    place = {name: code for code, name in enumerate(classes)}
    unknown = sorted({str(value) for value in values.tolist()} - set(place))
    if unknown:
        raise LabelError(f"Labels {listed(unknown, 5)} are none of the classes {listed(classes)}.")
    return np.asarray([place[str(value)] for value in values.tolist()], dtype=np.int64), list(classes)


def _given(spec: object, source: object, items: Items) -> np.ndarray:
    """One label for each item as it was given, some perhaps missing."""
    labels = whole(_array(_found(spec, source, items)))
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = whole(labels[:, 0])
    if labels.ndim not in (1, 2):
        raise LabelError(f"Labels are one per item. Got an array of shape {labels.shape}.")
    return _of_items(labels, items)


def _unknown(label: object) -> bool:
    return label == UNLABELLED or str(label) == str(UNLABELLED)


def _absent(label: object) -> bool:
    return label is None or label == "" or label != label


def _found(spec: object, source: object, items: Items) -> Any:
    if spec is None:
        if items.labels is None:
            raise LabelError(
                "The source carries no labels. Give labels='folder' where each class has its folder, the name of a "
                "column, an .npy or .csv file, or a list with one label per item."
            )
        return items.labels
    if not isinstance(spec, str | Path):
        return spec
    held, columns = _column(str(spec), source)
    if held is not None:
        return held
    if spec == "folder":
        return _folders(items.names)
    if Path(spec).suffix.lower() == ".npy":
        return _file(spec)
    if Path(spec).suffix.lower() == ".csv":
        return _named(spec, items)
    raise LabelError(
        f"There are no labels '{spec}'.{closest(str(spec), [*columns, 'folder'])} Give 'folder', the path of an .npy "
        + (
            f"or .csv file, or one of the columns {listed(columns)}."
            if columns
            else "or .csv file, or a list; the source has no columns."
        )
    )


def _column(name: str, source: Any) -> tuple[Any, list[str]]:
    """The column of this name, None where there is none, and the names of all; of no other is anything read."""
    held = columns_of(source) if is_frame(source) and not keeps_pictures(source) else source
    named = held if isinstance(held, Mapping) else getattr(held, "column_names", getattr(held, "columns", ()))
    names = [str(each) for each in named]
    return (held[name] if name in names else None), names


def _folders(names: Sequence[str]) -> list[str]:
    """The first folder in which the names differ: what all of them lie in, as in an archive, is no class."""
    parts = [PurePosixPath(name).parts for name in names]
    while min(map(len, parts)) > 2 and len({part[0] for part in parts}) == 1:
        parts = [part[1:] for part in parts]
    alone = [name for name, part in zip(names, parts, strict=True) if len(part) < 2]
    if alone:
        raise LabelError(
            f"{len(alone)} of {len(names)} items lie in no class folder, such as '{alone[0]}'. "
            "Sort them into one folder per class, or give labels another way."
        )
    return [part[0] for part in parts]


def _file(spec: str | Path) -> np.ndarray:
    file = existing(spec)
    try:
        labels: np.ndarray = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as wrong:
        raise LabelError(f"The labels '{spec}' cannot be read: {wrong}. Write them with numpy.save.") from wrong
    return labels


def _named(spec: str | Path, items: Items) -> list[Any]:
    """The labels in a table with the columns ``name`` and ``label``; None for items that it does not name."""
    columns = read_columns(spec)
    if {"name", "label"} - set(columns):
        raise LabelError(f"'{spec}' needs the columns name and label. It has {listed(columns)}.")
    place = {name: row for row, name in enumerate(items.names)}
    left_out = {name for name, _ in getattr(items, "skipped", ())}
    labels: list[Any] = [None] * len(items)
    digits = len(items.names[0])  # rows of an array are called by their numbers, 007, which a table reads as 7
    for given, label in zip(map(str, columns["name"].tolist()), whole(columns["label"]).tolist(), strict=True):
        name = given if given in place or not given.isdecimal() else given.zfill(digits)
        if name in left_out:
            continue
        if name not in place:
            raise LabelError(f"'{spec}' labels '{name}', which is none of the items.{closest(name, place)}")
        if labels[place[name]] not in (None, label):
            raise LabelError(f"'{spec}' calls '{name}' both '{labels[place[name]]}' and '{label}'. Keep one of them.")
        labels[place[name]] = label
    return labels


def _array(labels: Any) -> np.ndarray:
    """Labels as an array; those of unlike kinds as objects, so that 1 and None stay what they are."""
    if hasattr(labels, "detach"):
        labels = labels.detach().cpu()
    if isinstance(labels, list | tuple) and not all(isinstance(label, type(labels[0])) for label in labels):
        mixed = np.empty(len(labels), dtype=object)
        mixed[:] = labels
        return mixed
    try:
        return np.asarray(labels)
    except ValueError as wrong:
        raise LabelError(f"Labels are one number or string per item: {wrong}.") from wrong


def whole(labels: np.ndarray) -> np.ndarray:
    """Whole numbers that came as floats, as integers: 3.0 and 3 are one class."""
    if labels.dtype.kind == "f" and np.isfinite(labels).all() and (labels == np.floor(labels)).all():
        return labels.astype(np.int64)
    return labels


def _of_items(labels: np.ndarray, items: Items) -> np.ndarray:
    """The labels of the items that are there, where labels were given for the skipped ones too."""
    if len(labels) == len(items):
        return labels
    rows: Int64[np.ndarray, " n"] | None = getattr(items, "rows", None)
    skipped = len(getattr(items, "skipped", ()))
    if rows is not None and len(labels) == getattr(items, "source_count", len(items) + skipped):
        chosen: np.ndarray = labels[rows]
        return chosen
    beside = f" (and {skipped} that were skipped)" if skipped else ""
    raise LabelError(f"There are {len(labels)} labels for {len(items)} items{beside}. Give one label per item.")
