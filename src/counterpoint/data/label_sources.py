"""Where labels come from: the source itself, its folders, one of its columns, a file, or a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from counterpoint.data.column_names import called
from counterpoint.data.datasets import holds_pictures
from counterpoint.data.frames import Frame, is_columns, raw_columns, read_frame
from counterpoint.data.item_rows import row_finder
from counterpoint.data.label_names import name_of
from counterpoint.data.paths import existing
from counterpoint.errors import LabelError, closest, listed
from counterpoint.interfaces import Items, info_of

SPLITS = ("train", "test", "val", "valid", "validation", "dev")
"""Folder names of splits, which are not classes."""


class Given(NamedTuple):
    """Labels as given, one for each item and possibly for skipped ones."""

    labels: list[Any]
    listed: bool
    """Whether they are a list or an array, in which -1 means unlabelled; in columns and files it is a class."""
    notes: Sequence[str] = ()
    """Notes on how they were read."""


def find_labels(spec: object, source: object, items: Items) -> Given:
    """The labels of ``spec``; see ``labels.read_class_ids``."""
    if spec is None:
        if items.labels is None:
            raise LabelError(
                "The source carries no labels. Give --labels=folder where each class has its folder, the name of a "
                "column, an .npy or .csv file, or a list with one label per item."
            )
        return Given(as_list(items.labels), listed=True)
    if not isinstance(spec, str | Path):
        return Given(as_list(spec), listed=True)
    column, columns = find_column(str(spec), source, items)
    if column is not None:
        return Given(column, listed=False)
    if spec == "folder":
        return _folders(items.names, source)
    if Path(spec).suffix.lower() == ".npy":
        return Given(as_list(array_in(spec)), listed=True)
    if Path(spec).suffix.lower() == ".csv":
        return Given(by_name(spec, items), listed=False)
    raise LabelError(
        f"There are no labels '{spec}'.{closest(str(spec), [*columns, 'folder'])} Give 'folder', the path of an .npy "
        + (
            f"or .csv file, or one of the columns {listed(columns)}."
            if columns
            else "or .csv file, or a list; the source has no columns."
        )
    )


Column = tuple[list[Any] | None, list[str]]
"""The cells of a named column, None where there is none, and the names of all columns."""


def find_column(name: str, source: object, items: Items) -> Column:
    """A column of the source that some items were opened from."""
    frame: Frame | None = info_of(items).columns
    if frame is None and is_columns(source) and not holds_pictures(source):
        frame = read_frame(source)
    return _of_object(name, source) if frame is None else _of_frame(name, frame)


def _of_frame(name: str, frame: Frame) -> Column:
    """A column with an entry for every row of its source, None for skipped ones."""
    if name not in frame.columns:
        return None, list(frame.columns)
    labels: list[Any] = [None] * (len(frame) + len(frame.skipped))
    for place, label in zip(frame.rows.tolist(), frame.labels(name), strict=True):
        labels[place] = label
    return labels, list(frame.columns)


def _of_object(name: str, source: Any) -> Column:
    """A column of a dataset, or of a dictionary or a frame with pictures in it."""
    named = source if isinstance(source, Mapping) else getattr(source, "column_names", getattr(source, "columns", ()))
    names = [str(each) for each in named]
    if name not in names:
        return None, names
    features: Any = getattr(source, "features", None)
    feature = features.get(name) if isinstance(features, Mapping) else None
    return called(as_list(source[name]), getattr(feature, "names", None)), names


def as_list(labels: Any, *, what: str = "label") -> list[Any]:
    """A list, an array or a tensor as a list with one entry for each item."""
    if isinstance(labels, list | tuple):
        return list(labels)
    if isinstance(labels, np.ma.MaskedArray):
        return list(labels.tolist())  # None where it is masked
    array = np.asarray(labels.detach().cpu() if hasattr(labels, "detach") else labels)
    if array.ndim not in (1, 2):
        raise LabelError(f"{what.capitalize()}s are one per item. Got an array of shape {array.shape}.")
    result: list[Any] = array.tolist()
    return result


def array_in(spec: str | Path, *, what: str = "label") -> np.ndarray:
    """The array in an .npy file, with one label per item."""
    file = existing(spec)
    try:
        labels: np.ndarray = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as wrong:
        raise LabelError(f"The {what}s '{spec}' cannot be read: {wrong}. Write them with numpy.save.") from wrong
    return labels


def _folders(names: Sequence[str], source: object) -> Given:
    """The first folder in which the paths differ, except common parents, as in an archive, and splits."""
    parts, splits, above = class_folders(names)
    notes = [_split_note(splits, source, above)] if splits else []
    alone = [name for name, part in zip(names, parts, strict=True) if len(part) < 2]
    if alone:
        raise LabelError(
            f"{len(alone)} of {len(names)} items lie in no class folder, such as '{alone[0]}'. "
            "Sort them into one folder per class, or give labels another way."
        )
    return Given([part[0] for part in parts], listed=False, notes=notes)


Parts = Sequence[tuple[str, ...]]


def class_folders(names: Sequence[str]) -> tuple[Parts, list[str], tuple[str, ...]]:
    """The parts of paths from the folder of the class on, the folders of splits, and the common parents."""
    parts, above = _apart([PurePosixPath(name).parts for name in names])
    splits = _splits(parts)
    if splits:
        parts, _ = _apart([part[1:] if part[0] in splits else part for part in parts])
    return parts, splits, above


def _apart(parts: Parts) -> tuple[Parts, tuple[str, ...]]:
    """The parts of paths below their common parents, and those."""
    above: tuple[str, ...] = ()
    while min(map(len, parts)) > 2 and len({part[0] for part in parts}) == 1:
        above = (*above, parts[0][0])
        parts = [part[1:] for part in parts]
    return parts, above


def _splits(parts: Parts) -> list[str]:
    """The top folders that are splits: several with such names, or one that contains class folders."""
    called = [part for part in parts if len(part) > 1 and part[0].lower() in SPLITS]
    folders = sorted({part[0] for part in called}, key=lambda folder: SPLITS.index(folder.lower()))
    deep = all(len(part) > 2 for part in called)
    return folders if len(folders) > 1 or deep else []


def _split_note(splits: Sequence[str], source: object, above: Sequence[str]) -> str:
    """A note on folders of splits, and how to use them separately."""
    names = [f"{folder}/" for folder in splits]
    if len(splits) == 1:
        return f"{names[0]} is a split, not a class: the class is the folder below it."
    where = PurePosixPath(str(source) if isinstance(source, str | Path) else "", *above)
    return (
        f"{', '.join(names[:-1])} and {names[-1]} are splits, not classes; give {where / splits[0]} and "
        f"{where / splits[1]} as --train and --test to keep them apart."
    )


def by_name(spec: str | Path, items: Items, *, what: str = "label") -> list[Any]:
    """The labels in a table with the columns ``name`` and ``label``; None for items that it does not name."""
    columns = raw_columns(spec)
    if {"name", what} - set(columns):
        raise LabelError(f"'{spec}' needs the columns name and {what}. It has {listed(columns)}.")
    find: Callable[[str], int | None] = row_finder(items)
    left_out = {name for name, _ in info_of(items).skipped}
    labels: list[Any] = [None] * len(items)
    for name, label in zip(map(str, columns["name"]), columns[what], strict=True):
        if name in left_out:
            continue
        row = find(name)
        if row is None:
            raise LabelError(f"'{spec}' {what}s '{name}', which is none of the items.{closest(name, items.names)}")
        if name_of(labels[row]) not in (None, name_of(label)):
            raise LabelError(f"'{spec}' calls '{name}' both '{labels[row]}' and '{label}'. Keep one of them.")
        labels[row] = label
    return labels
