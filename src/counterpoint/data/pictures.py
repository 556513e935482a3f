"""Sources of images: recognises what holds pictures, measures it, opens it."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from counterpoint.data import (
    archives,
    array_sources,
    arrays,
    datasets,
    fetched_pictures,
    frames,
    idx,
    listing,
    packed_pictures,
    path_lists,
    samples,
)
from counterpoint.data.decode import Header, header, is_picture_name, reason
from counterpoint.data.item_pictures import Wanted
from counterpoint.data.listing import Listing
from counterpoint.data.paths import existing, is_pattern
from counterpoint.data.photos import Progress, open_photos
from counterpoint.data.sheets import read_sheet
from counterpoint.data.subset import spread
from counterpoint.data.value_range import Levels, Range, Scale, deepest, kind_of, scale
from counterpoint.errors import SourceError
from counterpoint.interfaces import Items
from counterpoint.modality import DataOptions
from counterpoint.plans.data_options import ReadOptions
from counterpoint.preprocessing import Preprocessing
from counterpoint.storage.files import expanded
from counterpoint.storage.reading_errors import door

SURVEYED = 64

DEPTHS = 16
"""Pictures of a dataset that are examined for their bit depth; each has to be fetched."""


class PictureItems(Items, Protocol):
    """Pictures as items; skipped ones, (name, reason) of each; remarks on others."""

    notes: list[str]
    scale: Scale
    """Converts their pixel values to bytes, or to floats in [0, 1]."""

    @property
    def skipped(self) -> list[tuple[str, str]]: ...

    @property
    def kind(self) -> str:
        """The kind of their pixel values, of ``value_range.KINDS``."""
        ...

    def sample(self) -> Levels:
        """Pixel values of some of them, evenly spread."""
        ...


@dataclass(frozen=True)
class Survey:
    """The number of pictures, the side of a typical one in pixels, and its channels.

    ``count`` is None where only reading all of them tells.

    ``photos`` says that they differ in size or are compressed files, so that a size has to be chosen for them.
    """

    count: int | None
    side: int
    channels: int
    photos: bool
    kind: str = field(default="uint8", compare=False)
    """The kind of their pixel values, of ``value_range.KINDS``."""


@door
def may_be_pictures(source: object) -> bool:
    """Whether a source clearly holds pictures, judged by names, headers and its first items."""
    source = datasets.unpacked(source, None).source
    if isinstance(source, str | Path):
        if is_pattern(source):
            return path_lists.matches_photos(source)
        path = expanded(source)
        return str(source) in samples.SAMPLES or (path.exists() and _holds_pictures(path))
    if (paths := path_lists.paths_in(source)) is not None:
        return path_lists.are_of_photos(paths)
    array: Any = source
    if arrays.is_array(source) and array.dtype != object:
        return arrays.are_pictures(array.shape, arrays.as_numpy(array[:0]).dtype)
    if _has_columns(source):
        return read_sheet(source).kind == "image"
    return datasets.gives_pictures(source)


@door
def survey(source: object, *, column: str | None = None, axis: str = "auto") -> Survey:
    """Measure a source by up to 64 of its pictures, for photos by their headers only.

    Raises:
        SourceError: There are no pictures, or none that can be read.
    """
    source, labels, column = datasets.unpacked(source, column)
    listed = _listing(source, column)
    if listed is not None:
        headers, reasons = _headers(listed)
        if not headers:
            raise SourceError(f"None of {len(reasons)} photos looked at can be used; {reasons[0]}.")
        shapes = [each[:3] for each in headers]
        most, depth = max(shape[0] for shape in shapes), deepest(each.kind for each in headers)
        return Survey(len(listed.names), _side(shapes), most, True, depth)
    if (cells := _given(source)) is not None:
        headers = fetched_pictures.headers_in(cells, column, SURVEYED, axis)
        shapes, depth = [each[:3] for each in headers], deepest(each.kind for each in headers)
        return Survey(cells.count, _side(shapes), _channels(shapes), len(set(shapes)) > 1, depth)
    pixels, _ = array_sources.read_pictures(source, labels)
    shape = arrays.shape_of(pixels.shape, axis)
    return Survey(len(pixels), _side([shape]), shape[0], False, kind_of(pixels.dtype))


def _channels(shapes: list[tuple[int, int, int]]) -> int:
    """Colour where some are in grey, some in colour or with transparency; else the most frequent number."""
    counts = Counter(shape[0] for shape in shapes)
    return 3 if len(counts) > 1 and counts.keys() <= set(array_sources.CHANNELS) else counts.most_common(1)[0][0]


@door
def open_pictures(
    source: object,
    *,
    size: int | Preprocessing | None,
    channels: int,
    column: str | None = None,
    axis: str = "auto",
    levels: Range | None = None,
    progress: Progress | None = None,
) -> PictureItems:
    """Open a source as pictures (b, c, h, w) of bytes, or of floats in [0, 1] where they have more bits.

    Args:
        source: A folder or an archive of photos, a pattern, a single photo; a list, a column or a .txt of their paths,
            several folders; a column of encoded pictures; an .npy, .npz or IDX file, an array, a tensor; a picture, a
            list of pictures, a dataset, a loader, a dictionary of columns, an iterator; ``"sample:fashion"``.
        size: All are squeezed to (size, size). None leaves the pictures of an array at their size, and brings those of
            a dataset to the size of the first. A preprocessing brings them to the square that it stores.
        channels: 1 for grey or 3 for colour, to which the pictures are converted, or their own number of bands.
        column: The column or the key of the pictures or of their paths, where several have some.
        axis: The channel axis of an array: first, last or auto.
        levels: The range of the training data, which is applied to pictures of more than 8 bits; None for a model of
            8-bit pictures, for which all are converted to bytes.
        progress: Called with the number of decoded or fetched photos, and of all photos.

    Raises:
        SourceError: There is nothing usable; the message says what was looked for and where.
    """
    source, labels, column = datasets.unpacked(source, column)
    like, size = (size, size.kept) if isinstance(size, Preprocessing) else (None, size)
    wanted = Wanted((size or 0, size or 0), channels, "uint8", axis, like)
    listed = _listing(source, column)
    if listed is not None:
        if size is None:
            raise SourceError("Photos differ in size. Say with size=... to how many pixels they are brought.")
        listed = listed if labels is None else replace(listed, labels=lambda: labels)
        depth = deepest(each.kind for each in _headers(listed)[0])
        items: PictureItems = open_photos(listed, size=like or size, channels=channels, kind=depth, progress=progress)
    elif (cells := _given(source, labels)) is not None:
        headers = fetched_pictures.headers_in(cells, column, DEPTHS, axis)
        depth, first = deepest(each.kind for each in headers), headers[0][1:3]
        wanted = wanted._replace(kind=depth, size=first if size is None else wanted.size)
        items = fetched_pictures.fetch(cells, wanted, column=column, progress=progress)
    else:
        items = _of_array(source, labels, wanted, progress)
    items.scale = scale(items.kind, levels, items.sample)
    return items


def _of_array(source: object, labels: Any, wanted: Wanted, progress: Progress | None) -> PictureItems:
    """The pictures in an array, squeezed where another size is requested."""
    pixels, labels = array_sources.read_pictures(source, labels)
    items = arrays.open_arrays(pixels, channels=wanted.channels, labels=labels, axis=wanted.axis)
    if wanted.size in ((0, 0), arrays.shape_of(pixels.shape, wanted.axis)[1:]):
        return items
    return fetched_pictures.fetch(
        datasets.Numbered(items, labels), wanted._replace(kind=items.kind, axis="first"), progress=progress
    )


def _holds_pictures(path: Path) -> bool:
    if path.is_dir():
        return idx.has_pictures(path) or listing.is_album(path)
    if archives.is_archive(path):
        return archives.has_pictures(path)
    if path.suffix.lower() in arrays.SUFFIXES:
        try:
            return any(arrays.are_pictures(*held) for held in arrays.shapes_in(path).values())
        except arrays.DAMAGE:
            return False
    if frames.is_frame(path):
        return read_sheet(path).kind == "image"
    return is_picture_name(path.name) or idx.is_idx(path) or path_lists.lists_photos(path)


def _has_columns(source: object) -> bool:
    """Whether a source has columns that are read as such, and is not a picture in a dictionary."""
    return frames.is_columns(source) and not datasets.holds_pictures(source)


def _listing(source: object, column: str | None) -> Listing | None:
    """The photos that a source names or holds encoded; None where it holds arrays, items or something else."""
    if _has_columns(source):
        return _of_columns(source, column)
    opening = partial(_of_path, column=column)
    if (paths := path_lists.paths_in(source)) is not None:
        if column is not None and not any(map(frames.is_frame, paths)):
            raise SourceError(f"There is no column '{column}': a list of photos has no columns. Leave it out.")
        return path_lists.of_several(paths, opening)
    if isinstance(source, list | tuple) and not source:
        return listing.of_paths([])
    if not isinstance(source, str | Path) or str(source).startswith("sample:"):
        return None
    if is_pattern(source):
        return path_lists.of_pattern(source, opening)
    return opening(existing(source))


def _of_columns(source: object, column: str | None) -> Listing:
    """The photos in a column of encoded pictures, or of paths."""
    sheet = read_sheet(source, DataOptions(data=ReadOptions(column=column)), "image")
    name = packed_pictures.picture_column(sheet)
    return listing.of_sheet(sheet) if name is None else packed_pictures.of_column(sheet, name)


def _of_path(path: Path, column: str | None) -> Listing | None:
    if frames.is_frame(path):
        return _of_columns(path, column)
    if column is not None:
        raise SourceError(f"There is no column '{column}': '{path}' has no columns. Leave it out.")
    if path.is_dir():
        return None if idx.pictures_in(path) else listing.of_folder(path)
    if archives.is_archive(path):
        return archives.of_archive(path)
    if path_lists.lists_photos(path):
        return path_lists.of_lines(path)
    return listing.of_paths([path]) if is_picture_name(path.name) else None


def _given(source: Any, labels: Any = None) -> datasets.Numbered | datasets.Streamed | None:
    """The items of a source that yields pictures one by one, or something else instead."""
    return None if arrays.is_array(source) and source.dtype != object else datasets.given(source, labels)


def _headers(photos: Listing) -> tuple[list[Header], list[str]]:
    """The headers of some photos, and why others have none; those are reported when all are opened."""
    headers, reasons = [], []
    with photos.reading() as read:
        for place in spread(len(photos.names), SURVEYED).tolist():
            try:
                with read(place) as file:
                    headers.append(header(file))
            except Exception as wrong:
                reasons.append(f"'{photos.names[place]}', for one: {reason(wrong)}")
    return headers, reasons


def _side(shapes: list[tuple[int, int, int]]) -> int:
    """The median of the geometric means of height and width, in whole pixels."""
    return max(1, round(statistics.median(math.sqrt(height * width) for _, height, width in shapes)))
