"""Sources that give pictures one by one: datasets, loaders, lists, columns, dictionaries, and what can be iterated.

What has a length and numbered items is ``Numbered``: a list, a torch ``Dataset`` (of a ``DataLoader`` its dataset), a
``Dataset`` or ``Column`` of Hugging Face. What can only be gone through is ``Streamed``: a generator, an
``IterableDataset``. Of an iterator, which gives its items once, those looked at are kept for when it is read.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset

from counterpoint.data import arrays
from counterpoint.data.column_names import LABELS, of_pictures
from counterpoint.data.item_pictures import Broken, described, inside, is_plain, why
from counterpoint.data.subset import spread
from counterpoint.errors import SourceError, closest, listed

HEAD = 8
"""Items that are looked at to tell what a source gives, so that it does not depend on one broken item."""


@dataclass(frozen=True)
class Numbered:
    """A source with a length and numbered items."""

    source: Any
    labels: Any = None
    """What is known of the items beside themselves, one each, or None."""

    @property
    def count(self) -> int:
        return len(self.source)

    @property
    def word(self) -> str:
        return "list" if isinstance(self.source, list) else "dataset"

    def some(self, most: int) -> list[Any]:
        """At most so many items, evenly spread."""
        return [self._item(row) for row in spread(self.count, most).tolist()]

    def head(self) -> Iterator[Any]:
        """The first items, each fetched when it is asked for."""
        return map(self._item, range(min(self.count, HEAD)))

    def every(self) -> Iterator[Any]:
        """All items in order, ``Broken`` for each that cannot be fetched."""
        return map(self._item, range(self.count))

    def _item(self, row: int) -> Any:
        try:
            return self.source[row]
        except Exception as wrong:  # datasets of others raise anything there is
            return Broken(why(wrong))


class Streamed:
    """A source that is gone through from its first item to its last."""

    labels = None
    count = None

    def __init__(self, source: Iterable[Any]) -> None:
        self.source = source
        self.word = type(source).__name__

    def some(self, most: int) -> list[Any]:
        """At most so many items, the first."""
        begun = _begun(self.source)
        begun.seen.extend(itertools.islice(self._following(begun), max(0, most - len(begun.seen))))
        if isinstance(self.source, Iterator):
            _BEGUN[id(self.source)] = begun
        return begun.seen[:most]

    def head(self) -> Iterator[Any]:
        """The first items."""
        return iter(self.some(HEAD))

    def every(self) -> Iterator[Any]:
        """All items in order."""
        begun = _begun(self.source)
        yield from begun.seen
        yield from self._following(begun)

    def _following(self, begun: _Begun) -> Iterator[Any]:
        for place in itertools.count(len(begun.seen)):
            try:
                item = next(begun.rest)
            except StopIteration:
                return
            except Exception as wrong:  # whatever yields the items raises anything there is
                raise SourceError(
                    f"Item {place} of the {self.word} cannot be read: {why(wrong)}. Nothing comes after it; leave "
                    "broken items out where they are yielded, or give a dataset with a length."
                ) from wrong
            yield item


class _Begun(NamedTuple):
    """A source that is being gone through: the items seen, and those to come."""

    source: Iterable[Any]
    seen: list[Any]
    rest: Iterator[Any]


_BEGUN: dict[int, _Begun] = {}
"""Iterators that were looked at and not yet read, by their ids; they are kept, so that none can take the id of one."""


def _begun(source: Iterable[Any]) -> _Begun:
    """Where an iterator stands; what can be gone through again is begun anew."""
    return _BEGUN.pop(id(source), None) or _Begun(source, [], iter(source))


def given(source: Any, labels: Any = None) -> Numbered | Streamed | None:
    """The items of a source that gives them one by one; None for every other kind of source."""
    if isinstance(source, Image.Image) or _is_one(source):
        return Numbered([source])
    if isinstance(source, np.ndarray) and source.dtype == object and source.ndim == 1:
        return Numbered(source.tolist(), labels)
    if isinstance(source, str | bytes | Path | Mapping | np.ndarray | Tensor) or hasattr(source, "columns"):
        return None
    if hasattr(source, "to_pylist"):
        return Numbered(source.to_pylist(), labels)
    if isinstance(source, tuple) or hasattr(source, "iloc"):
        return Numbered(list(source), labels)
    if isinstance(source, Sized) and hasattr(source, "__getitem__") and not isinstance(source, IterableDataset):
        return Numbered(source, labels)
    return Streamed(source) if isinstance(source, Iterable) else None


def gives_pictures(source: Any) -> bool:
    """Whether a source plainly gives pictures: most of its first items are or hold one."""
    held = given(source)
    if held is None:
        return False
    plain = [is_plain_item(item) for item in held.head() if not isinstance(item, Broken)]
    return 2 * sum(plain) > len(plain)


def is_plain_item(item: Any) -> bool:
    """Whether an item is plainly a picture, or holds one first in a tuple or under a key."""
    if isinstance(item, Mapping) and not is_plain(item):
        return any(is_plain(value) for value in item.values())
    return is_plain(inside(item, None))


def _is_one(source: Any) -> bool:
    """Whether a dictionary is one item with a picture in it, and not columns, which a matrix may be one of."""
    if not isinstance(source, Mapping) or _are_columns(source.values()):
        return False
    pictures = [value for value in (source, *source.values()) if is_plain(value)]
    return any(not arrays.is_array(each) or each.ndim == 3 for each in pictures)


def _are_columns(values: Iterable[Any]) -> bool:
    """Whether these are several series of values, all equally long."""
    lengths = [len(each) if isinstance(each, list) or (arrays.is_array(each) and each.ndim) else -1 for each in values]
    return len(lengths) > 1 and -1 not in lengths and len(set(lengths)) == 1


class Unpacked(NamedTuple):
    """Pictures taken out of what they came in, the labels beside them, and a column that is still to be chosen."""

    source: Any
    labels: list[Any] | None = None
    column: str | None = None


def unpacked(source: Any, column: str | None) -> Unpacked:
    """The dataset of a loader, the pictures of a dictionary of columns or of a pair of arrays; all else as it is.

    Raises:
        SourceError: The source is a dictionary of splits, or there is no such column.
    """
    refuse_splits(source)
    if isinstance(source, DataLoader):
        return Unpacked(_behind(source), None, column)
    if isinstance(source, list | tuple) and _is_pair(source):
        return Unpacked(source[0], arrays.as_numpy(source[1]).tolist(), column)
    if keeps_pictures(source):
        source = {str(name): source[name] for name in source.columns}
    if not isinstance(source, Mapping) or _is_one(source):
        return Unpacked(source, None, column)
    name = _picture_column(source, column)
    if name is None:
        return Unpacked(source, None, column)
    labels: Any = next((source[each] for each in LABELS if each in source and each != name), None)
    if arrays.is_array(labels):
        labels = arrays.as_numpy(labels).tolist()
    fitting = labels is not None and len(labels) == len(source[name])
    return Unpacked(source[name], list(labels) if fitting and labels is not None else None)


def holds_pictures(source: Any) -> bool:
    """Whether columns are no matter for ``sheets``: images or arrays of pictures are in them, or they are one item."""
    if not isinstance(source, Mapping):
        return keeps_pictures(source)
    return _is_one(source) or any(map(_holds_pictures, source.values()))


def has_key(source: Any, key: str) -> bool:
    """Whether there is something under a key in the items of a source, or in the source itself."""
    if isinstance(source, Mapping):
        return key in source
    held = given(source)
    head = () if held is None else held.head()
    return any(isinstance(item, Mapping) and key in item for item in head)


def keeps_pictures(source: Any) -> bool:
    """Whether this is a data frame of pandas with images or arrays in its cells, which arrow cannot take."""
    if not (hasattr(source, "iloc") and hasattr(source, "columns") and len(source)):
        return False
    return any(
        isinstance(cell, Image.Image) or (arrays.is_array(cell) and cell.ndim > 1)
        for name in source.columns
        for cell in source[name].head(HEAD)
    )


def refuse_splits(source: object) -> None:
    """Refuse a dictionary of datasets, such as a ``DatasetDict``, and say how one of them is given."""
    if isinstance(source, Mapping) and source and all(map(_is_split, source.values())):
        raise SourceError(
            f"The source is a {type(source).__name__} of {len(source)} datasets. Choose one: "
            f"{' or '.join(f'source[{name!r}]' for name in itertools.islice(source, 5))}."
        )


def _is_split(value: object) -> bool:
    return isinstance(value, Dataset) or (hasattr(value, "column_names") and hasattr(value, "features"))


def _behind(loader: DataLoader[Any]) -> Any:
    """The dataset that a loader draws from, or the part of it that it is restricted to."""
    chosen = getattr(loader.sampler, "indices", None)
    return loader.dataset if chosen is None else Subset(loader.dataset, sorted(map(int, chosen)))


def _is_pair(source: list[Any] | tuple[Any, ...]) -> bool:
    """Whether these are an array of pictures and one of labels."""
    if len(source) != 2 or not all(map(arrays.is_array, source)):
        return False
    pictures, labels = source
    return bool(pictures.ndim >= 3 and labels.ndim == 1 and len(pictures) == len(labels))


def _picture_column(columns: Mapping[Any, Any], column: str | None) -> str | None:
    """The column of a dictionary that holds pictures: the one asked for, or the one that is plain."""
    result = [name for name, values in columns.items() if _holds_pictures(values)]
    if column is not None and result:
        if column not in result:
            reason = "is no column" if column not in columns else "are no pictures in the column"
            raise SourceError(f"There {reason} '{column}'.{closest(column, result)} Pictures are in {listed(result)}.")
        return column
    return of_pictures(result)


def _holds_pictures(values: Any) -> bool:
    """Whether a column holds images or arrays of pictures; encoded ones and paths are for ``sheets``."""
    if arrays.is_array(values) and values.dtype != object:
        return arrays.are_pictures(values.shape, arrays.as_numpy(values[:0]).dtype)
    held = None if isinstance(values, str | bytes | Mapping) else given(values)
    if held is None or not any(isinstance(item, Image.Image) or arrays.is_array(item) for item in held.head()):
        return False
    return gives_pictures(values)


def first_of(source: object) -> str | None:
    """What the first item of a dataset or an iterable is, for people; None for other kinds of source."""
    held = given(source)
    if held is None or isinstance(source, list | tuple):
        return None
    head = held.some(1)
    return f"a {held.word} whose first item is {described(head[0])}" if head else f"a {held.word} that yields nothing"
