"""Sources that yield pictures one by one: datasets, loaders, lists, columns, dictionaries, iterables.

Sources with a length and indexing are ``Numbered``: a list, a torch ``Dataset`` (for a ``DataLoader`` its dataset), a
``Dataset`` or ``Column`` of Hugging Face. Others are ``Streamed``: a generator, an ``IterableDataset``. From an
iterator, which yields its items once, examined items are kept for reading it later.
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
"""Items that are examined to recognise a source, so that it does not depend on a single broken item."""


@dataclass(frozen=True)
class Numbered:
    """A source with a length and indexing."""

    source: Any
    labels: Any = None
    """Labels or other data beside the items, one each, or None."""

    @property
    def count(self) -> int:
        return len(self.source)

    @property
    def word(self) -> str:
        return "list" if isinstance(self.source, list) else "dataset"

    def some(self, most: int) -> list[Any]:
        """At most ``most`` items, evenly spread."""
        return [self._item(row) for row in spread(self.count, most).tolist()]

    def head(self) -> Iterator[Any]:
        """The first items, each fetched on demand."""
        return map(self._item, range(min(self.count, HEAD)))

    def every(self) -> Iterator[Any]:
        """All items in order, ``Broken`` for each that cannot be fetched."""
        return map(self._item, range(self.count))

    def _item(self, row: int) -> Any:
        try:
            return self.source[row]
        except Exception as wrong:  # datasets may raise anything
            return Broken(why(wrong))


class Streamed:
    """A source that is iterated from its first item to its last."""

    labels = None
    count = None

    def __init__(self, source: Iterable[Any]) -> None:
        self.source = source
        self.word = type(source).__name__

    def some(self, most: int) -> list[Any]:
        """At most ``most`` items, the first."""
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
            except Exception as wrong:  # iterables may raise anything
                raise SourceError(
                    f"Item {place} of the {self.word} cannot be read: {why(wrong)}. Nothing comes after it; leave "
                    "broken items out where they are yielded, or give a dataset with a length."
                ) from wrong
            yield item


class _Begun(NamedTuple):
    """An iterator in progress: the items seen, and the rest."""

    source: Iterable[Any]
    seen: list[Any]
    rest: Iterator[Any]


_BEGUN: dict[int, _Begun] = {}
"""Iterators that were examined and not yet read, by their ids; kept alive, so that no other can take an id."""


def _begun(source: Iterable[Any]) -> _Begun:
    """An iterator in progress; an iterable is started anew."""
    return _BEGUN.pop(id(source), None) or _Begun(source, [], iter(source))


def given(source: Any, labels: Any = None) -> Numbered | Streamed | None:
    """The items of a source that yields them one by one; None for any other kind of source."""
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
    """Whether a source clearly yields pictures: most of its first items are or contain one."""
    held = given(source)
    if held is None:
        return False
    plain = [is_plain_item(item) for item in held.head() if not isinstance(item, Broken)]
    return 2 * sum(plain) > len(plain)


def is_plain_item(item: Any) -> bool:
    """Whether an item is clearly a picture, or contains one first in a tuple or under a key."""
    if isinstance(item, Mapping) and not is_plain(item):
        return any(is_plain(value) for value in item.values())
    return is_plain(inside(item, None))


def _is_one(source: Any) -> bool:
    """Whether a dictionary is one item with a picture in it, and not columns, one of which may be a matrix."""
    if not isinstance(source, Mapping) or _are_columns(source.values()):
        return False
    pictures = [value for value in (source, *source.values()) if is_plain(value)]
    return any(not arrays.is_array(each) or each.ndim == 3 for each in pictures)


def _are_columns(values: Iterable[Any]) -> bool:
    """Whether these are several series of values of equal length."""
    lengths = [len(each) if isinstance(each, list) or (arrays.is_array(each) and each.ndim) else -1 for each in values]
    return len(lengths) > 1 and -1 not in lengths and len(set(lengths)) == 1


class Unpacked(NamedTuple):
    """Pictures extracted from their container, their labels, and a column that is still to be chosen."""

    source: Any
    labels: list[Any] | None = None
    column: str | None = None


def unpacked(source: Any, column: str | None) -> Unpacked:
    """The dataset of a loader, the pictures of a dictionary of columns or of a pair of arrays; all else unchanged.

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
    """Whether columns are not to be read as ``sheets``: they contain image objects, or are a single item."""
    if not isinstance(source, Mapping):
        return keeps_pictures(source)
    return _is_one(source) or any(map(_holds_pictures, source.values()))


def has_key(source: Any, key: str) -> bool:
    """Whether the items of a source, or the source itself, have this key."""
    if isinstance(source, Mapping):
        return key in source
    held = given(source)
    head = () if held is None else held.head()
    return any(isinstance(item, Mapping) and key in item for item in head)


def keeps_pictures(source: Any) -> bool:
    """Whether this is a pandas data frame with images or arrays in its cells, which arrow does not support."""
    if not (hasattr(source, "iloc") and hasattr(source, "columns") and len(source)):
        return False
    return any(
        isinstance(cell, Image.Image) or (arrays.is_array(cell) and cell.ndim > 1)
        for name in source.columns
        for cell in source[name].head(HEAD)
    )


def refuse_splits(source: object) -> None:
    """Refuse a dictionary of datasets, such as a ``DatasetDict``, with advice on choosing one."""
    if isinstance(source, Mapping) and source and all(map(_is_split, source.values())):
        raise SourceError(
            f"The source is a {type(source).__name__} of {len(source)} datasets. Choose one: "
            f"{' or '.join(f'source[{name!r}]' for name in itertools.islice(source, 5))}."
        )


def _is_split(value: object) -> bool:
    return isinstance(value, Dataset) or (hasattr(value, "column_names") and hasattr(value, "features"))


def _behind(loader: DataLoader[Any]) -> Any:
    """The dataset of a loader, or the subset it is restricted to."""
    chosen = getattr(loader.sampler, "indices", None)
    return loader.dataset if chosen is None else Subset(loader.dataset, sorted(map(int, chosen)))


def _is_pair(source: list[Any] | tuple[Any, ...]) -> bool:
    """Whether these are an array of pictures and one of labels."""
    if len(source) != 2 or not all(map(arrays.is_array, source)):
        return False
    pictures, labels = source
    return bool(pictures.ndim >= 3 and labels.ndim == 1 and len(pictures) == len(labels))


def _picture_column(columns: Mapping[Any, Any], column: str | None) -> str | None:
    """The picture column of a dictionary: the requested one, or the obvious one."""
    result = [name for name, values in columns.items() if _holds_pictures(values)]
    if column is not None and result:
        if column not in result:
            reason = "is no column" if column not in columns else "are no pictures in the column"
            raise SourceError(f"There {reason} '{column}'.{closest(column, result)} Pictures are in {listed(result)}.")
        return column
    return of_pictures(result)


def _holds_pictures(values: Any) -> bool:
    """Whether a column holds image objects or arrays; encoded pictures and paths are for ``sheets``."""
    if arrays.is_array(values) and values.dtype != object:
        return arrays.are_pictures(values.shape, arrays.as_numpy(values[:0]).dtype)
    held = None if isinstance(values, str | bytes | Mapping) else given(values)
    if held is None or not any(isinstance(item, Image.Image) or arrays.is_array(item) for item in held.head()):
        return False
    return gives_pictures(values)


def first_of(source: object) -> str | None:
    """A description of the first item of a dataset or an iterable; None for other kinds of source."""
    held = given(source)
    if held is None or isinstance(source, list | tuple):
        return None
    head = held.some(1)
    return f"a {held.word} whose first item is {described(head[0])}" if head else f"a {held.word} that yields nothing"
