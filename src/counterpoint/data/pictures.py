"""The door for images: recognises what holds pictures, measures it, opens it."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from counterpoint.data import (
    archives,
    arrays,
    datasets,
    fetched,
    frames,
    idx,
    listing,
    packed_pictures,
    path_lists,
    samples,
)
from counterpoint.data.decode import is_grey, is_picture_name, opened, reason
from counterpoint.data.listing import Listing
from counterpoint.data.paths import existing, expanded, is_pattern
from counterpoint.data.photos import Progress, open_photos
from counterpoint.data.subset import spread
from counterpoint.errors import SourceError
from counterpoint.interfaces import Items

SURVEYED = 64

CHANNELS = (1, 3, 4)
"""The length of a last axis that is plainly of channels."""

SMALLEST = 8
"""Side below which an array is not taken for one picture."""


class PictureItems(Items, Protocol):
    """Pictures as items, and what was left out: (name, reason) of each."""

    @property
    def skipped(self) -> list[tuple[str, str]]: ...


@dataclass(frozen=True)
class Survey:
    """How many pictures there are, the side of a typical one in pixels, and its channels.

    ``count`` is None where only reading all of them tells.

    ``photos`` says that they differ in size or lie in compressed files, so that a size has to be chosen for them.
    """

    count: int | None
    side: int
    channels: int
    photos: bool


def looks_like_pictures(source: object) -> bool:
    """Whether a source plainly holds pictures, judged by names, headers and its first items."""
    source = datasets.unpacked(source, None).source
    if isinstance(source, str | Path):
        path = expanded(source)
        if is_pattern(source):
            return path_lists.matches_photos(source)
        return str(source) in samples.SAMPLES or (path.exists() and _path_looks(path))
    if (paths := path_lists.paths_in(source)) is not None:
        return path_lists.are_of_photos(paths)
    array: Any = source
    if arrays.is_array(source) and array.dtype != object:
        return arrays.are_pictures(array.shape, arrays.as_numpy(array[:0]).dtype)
    if frames.is_frame(source):
        return _has_picture_column(source)
    return datasets.gives_pictures(source)


def survey(source: object, *, column: str | None = None) -> Survey:
    """Measure a source by up to 64 of its pictures, of photos only the headers.

    Raises:
        SourceError: There are no pictures, or none that can be read.
    """
    source, _, column = datasets.unpacked(source, column)
    listed = _listing(source, column)
    if listed is not None:
        shapes = _headers(listed)
        return Survey(len(listed.names), _side(shapes), max(shape[0] for shape in shapes), True)
    if (given := _given(source)) is not None:
        shapes = fetched.shapes_in(given, column, SURVEYED)
        return Survey(given.count, _side(shapes), _channels(shapes), len(set(shapes)) > 1)
    pixels, _ = _array(source)
    shape = arrays.shape_of(pixels.shape)
    return Survey(len(pixels), _side([shape]), shape[0], False)


def _channels(shapes: list[tuple[int, int, int]]) -> int:
    """Colour where some are in grey, some in colour or with transparency; else as many as most pictures have."""
    counts = Counter(shape[0] for shape in shapes)
    return 3 if len(counts) > 1 and counts.keys() <= set(CHANNELS) else counts.most_common(1)[0][0]


def open_pictures(
    source: object,
    *,
    size: int | None,
    channels: int,
    column: str | None = None,
    progress: Progress | None = None,
) -> PictureItems:
    """Open a source as uint8 pixels (b, c, h, w).

    Args:
        source: A folder or an archive of photos, a pattern, a single photo; a list, a column or a .txt of their paths,
            several folders; a column of encoded pictures; an .npy, .npz or IDX file, an array, a tensor; a picture, a
            list of pictures, a dataset, a loader, a dictionary of columns, an iterator; ``"sample:fashion"``.
        size: Photos are squeezed to (size, size), and so are the pictures of a dataset unless it is None, which
            means the size of the first of them. Arrays keep their own size.
        channels: 1 for grey or 3 for colour, into which the pictures are brought; for arrays also their own number.
        column: The column or the key of the pictures or of their paths, where more than one holds some.
        progress: Is told how many photos have been decoded or fetched, and of how many.

    Raises:
        SourceError: Nothing usable is there; the message says what was looked for and where.
    """
    source, labels, column = datasets.unpacked(source, column)
    listed = _listing(source, column)
    if listed is not None:
        if size is None:
            raise SourceError("Photos differ in size. Say with size=... to how many pixels they are brought.")
        listed = listed if labels is None else replace(listed, labels=lambda: labels)
        return open_photos(listed, size=size, channels=channels, progress=progress)
    if (given := _given(source, labels)) is not None:
        height_width = fetched.shapes_in(given, column, SURVEYED)[0][1:] if size is None else (size, size)
        return fetched.fetch(given, column=column, size=height_width, channels=channels, progress=progress)
    pixels, held = _array(source)
    return arrays.open_arrays(pixels, channels=channels, labels=held if labels is None else labels)


def _path_looks(path: Path) -> bool:
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
        return _has_picture_column(path)
    return is_picture_name(path.name) or idx.is_idx(path) or path_lists.lists_photos(path)


def _has_picture_column(source: object) -> bool:
    table = packed_pictures.table_of(source)
    if table is not None and packed_pictures.picture_columns(table):
        return True
    try:
        return len(listing.path_columns(frames.glance(source))) > 0
    except SourceError:
        return False


def _listing(source: object, column: str | None) -> Listing | None:
    """The photos that a source names or holds encoded; None where it holds numbers, items or something else."""
    if frames.is_frame(source):
        return _of_columns(source, column)
    opening = partial(_of_path, column=column)
    if (paths := path_lists.paths_in(source)) is not None:
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
    table = packed_pictures.table_of(source)
    if table is not None:
        name = packed_pictures.chosen(packed_pictures.picture_columns(table), column)
        if name is not None:
            return packed_pictures.of_column(table, name)
    return listing.of_frame(source, column)


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
    """The items of a source that gives pictures one by one, or something else instead."""
    return None if arrays.is_array(source) and source.dtype != object else datasets.given(source, labels)


def _array(source: object) -> tuple[arrays.Pictures, Any]:
    """The pictures that a source holds as numbers, and their labels if it has them."""
    if arrays.is_array(source):
        return _several(arrays.as_numpy(source)), None  # type: ignore[arg-type]
    if isinstance(source, str) and source.startswith("sample:"):
        return samples.read_sample(source)
    if isinstance(source, str | Path):
        path = existing(source)
        images = idx.pictures_in(path) if path.is_dir() else path
        if images is not None and idx.is_idx(images):
            labels = idx.labels_beside(images)
            return idx.read_idx(images), None if labels is None else labels.tolist()
        if path.suffix.lower() in arrays.SUFFIXES:
            pixels, held = arrays.read_arrays(path)
            return _several(pixels), held
    raise SourceError(
        "Pictures come from a folder, an archive, a list, a pattern or a column of paths, a column of encoded "
        "pictures, an .npy, .npz or IDX file, an array, a tensor, a list of pictures, a dataset or an iterator. "
        f"Got {_said(source)}."
    )


def _several(pixels: np.ndarray) -> np.ndarray:
    """An array of pictures; of one picture in colour (h, w, c), an array of that one.

    Raises:
        SourceError: The array may be one picture, or something else just as well.
    """
    shape = pixels.shape
    if len(shape) == 3 and shape[2] in CHANNELS and min(shape[:2]) >= SMALLEST:
        return pixels[None]
    if len(shape) == 3 and shape[0] == 3 and min(shape[1:]) >= SMALLEST:
        raise SourceError(
            f"An array {shape} may be one picture in colour or three in grey. Give array[None] for one, or "
            "array[:, None] for three."
        )
    if len(shape) == 2 and min(shape) >= SMALLEST:
        raise SourceError(
            f"An array {shape} may be one picture in grey or a table. Give array[None] for one picture; pictures are "
            "(n, h, w), (n, h, w, c) or (n, c, h, w)."
        )
    return pixels


def _said(source: object) -> str:
    return f"'{source}'" if isinstance(source, str | Path) else f"a {type(source).__name__}"


def _headers(photos: Listing) -> list[tuple[int, int, int]]:
    """(c, h, w) of some photos; those that cannot be read are told of when all are opened."""
    shapes, reasons = [], []
    with photos.reading() as read:
        for place in spread(len(photos.names), SURVEYED).tolist():
            try:
                with read(place) as file, opened(file) as image:
                    shapes.append((1 if is_grey(image) else 3, image.height, image.width))
            except Exception as wrong:
                reasons.append(f"'{photos.names[place]}', for one: {reason(wrong)}")
    if not shapes:
        raise SourceError(f"None of {len(reasons)} photos looked at can be used; {reasons[0]}.")
    return shapes


def _side(shapes: list[tuple[int, int, int]]) -> int:
    """The median of the geometric means of height and width, in whole pixels."""
    return max(1, round(statistics.median(math.sqrt(height * width) for _, height, width in shapes)))
