"""Pictures of a dataset, each fetched once, in order, into a temporary file of pixel values in the cache folder.

They keep the depth of the deepest of the examined ones, so that ``value_range`` can use one range for all. Broken
items, and those without a picture, are left out and listed, as damaged photos are.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any

import numpy as np
import torch
from jaxtyping import Int64, Shaped
from torch import Tensor

from counterpoint.data.arrays import numbered
from counterpoint.data.column_names import called
from counterpoint.data.datasets import Numbered, Streamed
from counterpoint.data.decode import Header
from counterpoint.data.item_pictures import (
    EXPECTED,
    Broken,
    Picture,
    Wanted,
    described,
    header_of,
    inside,
    key_of,
    label_of,
    levels_of,
    picture_of,
    why,
)
from counterpoint.data.photos import Progress, cache_folder, unkept
from counterpoint.data.skipped_items import Say, notes_of
from counterpoint.data.subset import spread
from counterpoint.data.value_range import MEASURED, Levels, Scale
from counterpoint.errors import NothingLeft, SourceError
from counterpoint.interfaces import ItemsInfo


class Fetched:
    """Pictures at one size. ``rows`` are their indices in the source, counting unusable ones."""

    def __init__(self, levels: Levels, count: int, labels: Sequence[Any] | None) -> None:
        self._levels, self.source_count, self.labels = levels, count, labels
        self.rows = np.arange(count)
        self.names = numbered(count)
        self.skipped: list[tuple[str, str]] = []
        self.notes: list[str] = []
        self.kind = levels.dtype.name
        self.scale: Scale = torch.from_numpy

    def leave_out(self, reasons: dict[int, str]) -> None:
        """Leave out the items at some indices of the source, which have no pixel values."""
        self.skipped = [(self.names[row], reason) for row, reason in reasons.items()]
        self.rows = np.delete(self.rows, list(reasons))
        self.names = [self.names[row] for row in self.rows.tolist()]

    @property
    def info(self) -> ItemsInfo:
        """The metadata of their source."""
        return ItemsInfo(source_rows=self.rows, source_count=self.source_count, skipped=self.skipped, notes=self.notes)

    def __len__(self) -> int:
        return len(self.names)

    def sample(self) -> Levels:
        """Pixel values of some pictures, evenly spread."""
        return self.levels(spread(len(self), MEASURED))

    def levels(self, index: Int64[np.ndarray, " b"]) -> Levels:
        """The original values of some pictures."""
        result: Levels = self._levels[index]
        return result

    def take(self, index: Int64[np.ndarray, " b"]) -> Shaped[Tensor, "b c h w"]:
        return self.scale(self.levels(index))


def headers_in(source: Numbered | Streamed, column: str | None, most: int, axis: str) -> list[Header]:
    """The headers of some pictures.

    Raises:
        SourceError: None of the examined items is a picture; the message says what they are instead.
    """
    if source.count == 0:
        raise SourceError(f"The {source.word} is empty. Expected one picture at least.")
    items = source.some(most)
    key = key_of(items, column)
    headers, reasons = [], []
    for item in items:
        picture = _picture(item, key)
        if not isinstance(picture, str):
            try:
                headers.append(header_of(picture, axis))
                continue
            except Exception as wrong:  # decoders may raise anything for damaged bytes
                picture = why(wrong)
        reasons.append(picture)
    if not items:
        raise SourceError(f"The {source.word} yields nothing. Was it read before? An iterator gives its items once.")
    if not headers:
        skipped = list(zip(numbered(len(reasons)), reasons, strict=True)) if len(reasons) == source.count else []
        message = f"None of {len(reasons)} items of the {source.word} can be used; the first: {reasons[0]}."
        raise NothingLeft(message, skipped) if skipped else SourceError(message)
    return headers


def fetch(
    source: Numbered | Streamed, wanted: Wanted, *, column: str | None = None, progress: Progress | None = None
) -> Fetched:
    """Every picture of a source, squeezed to one size.

    Raises:
        SourceError: None can be used, or the cache folder has no room.
    """
    key = key_of(source.head(), column)
    reasons: dict[int, str] = {}
    remarks: dict[str, dict[str, int]] = {}
    labels: list[Any] = []
    named: str | None = None
    count = 0
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache_folder()) as file:
            for count, item in enumerate(_with_progress(source, progress), start=1):
                remarked: dict[str, int] = {}
                levels = _levels(item, key, wanted, remarked.__setitem__)
                if isinstance(levels, str):
                    reasons[count - 1] = levels
                    continue
                if remarked:
                    remarks[str(count)] = remarked
                _write(file, levels)
                named, label = label_of(item)
                labels.append(label)
            held = _mapped(file, (count - len(reasons), wanted.channels, *wanted.size), wanted.kind)
    except OSError as wrong:
        raise unkept(wrong) from wrong
    if held is None:
        first = f"; the first: {reasons[0]}" if reasons else ""
        skipped = list(zip(numbered(count), reasons.values(), strict=True))
        raise NothingLeft(f"None of {count} items of the {source.word} can be used{first}.", skipped)
    items = Fetched(held, count, None)
    items.leave_out(reasons)
    items.notes = notes_of(remarks)
    items.labels = _labels(source, items.rows, labels, named)
    return items


def _write(file: IO[bytes], levels: np.ndarray) -> None:
    """Rows are written, not assigned to a memory map, so that a full disk raises an error and kills no process."""
    file.write(levels.tobytes())


def _mapped(file: IO[bytes], shape: tuple[int, ...], kind: str) -> Levels | None:
    file.flush()
    return np.memmap(file, np.dtype(kind), "r", shape=shape) if shape[0] else None


def _with_progress(source: Numbered | Streamed, progress: Progress | None) -> Iterator[Any]:
    """The items of a source, reporting progress to ``progress`` where the number is known."""
    for done, item in enumerate(source.every(), start=1):
        yield item
        if progress is not None and source.count is not None:
            progress(done, source.count)


def _picture(item: Any, key: str | None) -> Picture | str:
    """The picture of an item, or why there is none."""
    if isinstance(item, Broken):
        return item.reason
    try:
        picture = picture_of(inside(item, key))
    except Exception as wrong:  # the path may be of a file that cannot be read
        return why(wrong)
    return f"it is {described(item)} and holds no picture; {EXPECTED}" if picture is None else picture


def _levels(item: Any, key: str | None, wanted: Wanted, say: Say) -> np.ndarray | str:
    """The pixel values of an item's picture, or why there are none."""
    picture = _picture(item, key)
    if isinstance(picture, str):
        return picture
    try:
        return levels_of(picture, wanted, say)
    except Exception as wrong:  # decoders may raise anything for damaged bytes
        return why(wrong)


def _labels(source: Numbered | Streamed, rows: np.ndarray, item_labels: list[Any], key: str | None) -> Any:
    """The label of each item: beside the source, in a list that it keeps, or in the items themselves."""
    for kept in (source.labels, *(getattr(source.source, name, None) for name in ("targets", "labels"))):
        if isinstance(kept, Sequence | np.ndarray | Tensor) and len(kept) == source.count:
            labels = np.asarray(kept).tolist()
            return called([labels[row] for row in rows.tolist()], getattr(source.source, "classes", None))
    if all(label is None for label in item_labels):
        return None
    features: Any = getattr(source.source, "features", None)
    classes = getattr(features.get(key), "names", None) if key is not None and hasattr(features, "get") else None
    return called(item_labels, classes)
