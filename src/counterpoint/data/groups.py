"""The groups of items, which no split may separate, such as a patient, a speaker or a video.

Groups are read beside the items, for any kind of data: from a column, from folders, a file or a list. They are in
``ItemsInfo.groups``, and follow items into subsets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64
from PIL import Image

from counterpoint.data.label_names import name_of
from counterpoint.data.label_sources import array_in, as_list, by_name, class_folders, find_column
from counterpoint.data.labels import of_items
from counterpoint.data.splits import UNLABELLED
from counterpoint.data.subset import Subset
from counterpoint.errors import LabelError, closest, counted, listed
from counterpoint.interfaces import Batch, HasOriginals, Items, info_of
from counterpoint.modality import DataOptions, Modality, schema_of
from counterpoint.plans.data_options import FOLDER, names_column

GroupIds = Int64[np.ndarray, " n"]
"""The id of every item's group."""


class Grouped:
    """Items, and the group of each."""

    def __init__(self, items: Items, groups: Sequence[str | None]) -> None:
        self._items = items
        self.info = replace(info_of(items), groups=groups)

    @property
    def names(self) -> Sequence[str]:
        return self._items.names

    @property
    def labels(self) -> Sequence[Any] | None:
        return self._items.labels

    def __len__(self) -> int:
        return len(self._items)

    def take(self, index: Int64[np.ndarray, " b"]) -> Batch:
        return self._items.take(index)

    def originals(self, index: Int64[np.ndarray, " b"], side: int) -> Sequence[Image.Image | None]:
        """Their pictures at original size; None where there are none."""
        held = self._items
        return held.originals(index, side) if isinstance(held, HasOriginals) else [None] * len(index)


def with_groups(items: Items, groups: object, source: object) -> Items:
    """The items of a source with their groups, as ``read_groups`` reads them; unchanged where ``groups`` is None."""
    return items if groups is None else Grouped(items, read_groups(groups, source, items))


def as_requested(items: Items, options: DataOptions, source: object) -> Items:
    """The items of a source with the groups that were requested when it was opened, if any."""
    spec = options.groups if options.groups is not None else options.data.groups
    return with_groups(items, spec, source)


def of_later(items: Items, modality: Modality, source: object, groups: object = None) -> Items:
    """Further items with the given groups, or by the column or the folders of the training data where they have those.

    Groups of training data that were listed or in a file do not apply to other data.
    """
    if groups is not None:
        return with_groups(items, groups, source)
    spec = _remembered(modality)
    if spec is None or info_of(items).groups is not None:
        return items
    if spec == FOLDER:
        groups, alone = _of_folders(items.names)
        return items if alone else Grouped(items, groups)
    there = names_column(spec) and find_column(spec, source, items)[0] is not None
    return with_groups(items, spec, source) if there else items


def _remembered(modality: Modality) -> str | None:
    """How the groups of the training data were given."""
    schema = schema_of(modality)
    columns = [] if schema is None else schema.of_role("group")
    options = modality.settings().get("options") or {}
    named: str | None = columns[0] if columns else options.get("groups")
    return named


def read_groups(spec: object, source: object, items: Items) -> list[str | None]:
    """The group of every item, None for an item without one.

    Args:
        spec: A column of the source; ``folder``, the folder below that of the class, or for photos in one level of
            folders that folder; an .npy file or a list with one entry per item; a .csv file of name and group.
        source: The source that the items were opened from.
        items: The items.

    Raises:
        LabelError: There are no such groups, or not one for each item.
    """
    if info_of(items).linked is not None:
        raise LabelError("Groups are of single items, and every row of pairs holds several. Leave out --groups.")
    return [name_of(each) for each in of_items(_entries(spec, source, items), items, what="group")]


def _entries(spec: object, source: object, items: Items) -> list[Any]:
    """The groups as given, one for each item, and possibly for skipped ones."""
    if not isinstance(spec, str | Path):
        return _listed(spec)
    column, columns = find_column(str(spec), source, items)
    if column is not None:
        return column
    if spec == FOLDER:
        groups, alone = _of_folders(items.names)
        if alone:
            raise LabelError(
                f"{len(alone)} of {len(items)} items lie in no folder of a group, such as '{alone[0]}'. Sort them into "
                "one folder per group, below the folders of classes if there are any, or give groups another way."
            )
        return list(groups)
    if Path(spec).suffix.lower() == ".npy":
        return _listed(array_in(spec, what="group"))
    if Path(spec).suffix.lower() == ".csv":
        return by_name(spec, items, what="group")
    there = f" Columns: {listed(columns)}." if columns else " The source has no columns."
    raise LabelError(
        f"There is no column '{spec}' to group items by.{closest(str(spec), columns)}{there} Groups are a column, "
        "'folder', an .npy or .csv file, or a list with one entry per item."
    )


def _listed(groups: Any) -> list[Any]:
    """One entry per item; as for labels, -1 in a list of integers means none."""
    entries = as_list(groups, what="group")
    integral = all(isinstance(each, int | np.integer) for each in entries)
    return [None if integral and each == -1 else each for each in entries]


def _of_folders(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The folder that is the group of every item, and the items that are in none.

    >>> _of_folders(["cat/anna/1.png", "cat/ben/1.png", "dog/anna/2.png"])
    (['anna', 'ben', 'anna'], [])
    >>> _of_folders(["anna/1.png", "ben/1.png"])
    (['anna', 'ben'], [])
    """
    parts, _, _ = class_folders(names)
    place = 1 if any(len(part) > 2 for part in parts) else 0
    alone = [name for name, part in zip(names, parts, strict=True) if len(part) < place + 2]
    return [part[min(place, len(part) - 1)] for part in parts], alone


def group_ids(items: Items) -> GroupIds | None:
    """The id of every item's group; None without groups.

    Raises:
        LabelError: Some items have a group and some have none.
    """
    groups = info_of(items).groups
    if groups is None:
        return None
    names = [name_of(each) for each in groups]
    lacking = [place for place, name in enumerate(names) if name is None]
    if lacking:
        raise LabelError(
            f"{counted(len(lacking), 'item has', 'items have')} no group, of {len(names)}, first "
            f"'{items.names[lacking[0]]}'. Every item is of one group: fill it in, or leave those items out."
        )
    ids: np.ndarray = np.unique(np.asarray(names, dtype=np.str_), return_inverse=True)[1].astype(np.int64)
    return ids


def labelled_group_ids(items: Items, class_ids: Int64[np.ndarray, " n"]) -> GroupIds | None:
    """The ids of labelled items, and -1 for the others, which need no group."""
    labelled = np.flatnonzero(class_ids != UNLABELLED)
    present = group_ids(Subset(items, labelled))
    if present is None:
        return None
    ids = np.full(len(class_ids), -1, dtype=np.int64)
    ids[labelled] = present
    return ids


def shared_groups(test: Items, train: Items) -> list[str]:
    """The groups of test items that are also in training; none without groups."""
    of_test, of_train = ({name_of(each) for each in info_of(part).groups or ()} - {None} for part in (test, train))
    return sorted(name for name in of_test & of_train if name is not None)


def advice(group_ids: GroupIds) -> str:
    """The advice where no group of labelled items can be held out."""
    count, items = len(np.unique(group_ids)), counted(len(group_ids), "labelled item")
    if count == 1:
        return (
            f"All {items} are of one group, so none can be held out. Give a test source, or groups that tell items "
            "apart."
        )
    return (
        f"None of the {count} groups of {items} can be held out, for each has the last items of a class: every class "
        "needs items of two groups. Label items of more groups, or give a test source."
    )
