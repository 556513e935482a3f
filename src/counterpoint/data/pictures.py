"""The door for images: recognises what holds pictures, measures it, opens it."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from counterpoint.data import archives, arrays, datasets, frames, idx, listing, samples
from counterpoint.data.decode import Header, header, is_picture_name, reason
from counterpoint.data.frames import is_columns
from counterpoint.data.levels import Levels, Range, Scale, deepest, kind_of, scale
from counterpoint.data.listing import Listing
from counterpoint.data.paths import existing
from counterpoint.data.photos import Progress, open_photos
from counterpoint.data.sheets import read_sheet, sheet_of
from counterpoint.data.subset import spread
from counterpoint.door import door
from counterpoint.errors import SourceError
from counterpoint.files import expanded
from counterpoint.interfaces import Items

SURVEYED = 64

DEPTHS = 16
"""Pictures of a dataset that are looked at to tell how deep they are; each has to be fetched."""


class PictureItems(Items, Protocol):
    """Pictures as items; what was left out, (name, reason) of each; what is to be said of others."""

    notes: list[str]
    scale: Scale
    """Makes bytes, or floats in [0, 1], of their levels."""

    @property
    def skipped(self) -> list[tuple[str, str]]: ...

    @property
    def kind(self) -> str:
        """What their levels are, as in ``levels.KINDS``."""
        ...

    def sample(self) -> Levels:
        """Levels of some of them, evenly spread."""
        ...


@dataclass(frozen=True)
class Survey:
    """How many pictures there are, the side of a typical one in pixels, and its channels.

    ``photos`` says that they differ in size or lie in compressed files, so that a size has to be chosen for them.
    """

    count: int
    side: int
    channels: int
    photos: bool
    kind: str = field(default="uint8", compare=False)
    """What their levels are, as in ``levels.KINDS``."""


@door
def looks_like_pictures(source: object) -> bool:
    """Whether a source plainly holds pictures, judged by names, headers and its first item."""
    if isinstance(source, str | Path):
        path = expanded(source)
        return str(source) in samples.SAMPLES or (path.exists() and _path_looks(path))
    if arrays.is_array(source):
        array: Any = source
        return array.dtype != object and arrays.are_pictures(array.shape, arrays.as_numpy(array[:0]).dtype)
    sheet = sheet_of(source)
    if sheet is not None:
        return sheet.kind == "image"
    return _is_path_list(source) or datasets.is_dataset(source)


@door
def survey(source: object, *, axis: str = "auto") -> Survey:
    """Measure a source by up to 64 of its pictures, of photos only the headers.

    Raises:
        SourceError: There are no pictures, or none that can be read.
    """
    listed = _listing(source)
    if listed is not None:
        headers, reasons = _headers(listed)
        if not headers:
            raise SourceError(f"None of {len(reasons)} photos looked at can be used; {reasons[0]}.")
        shapes = [each[:3] for each in headers]
        most, depth = max(shape[0] for shape in shapes), deepest(each.kind for each in headers)
        return Survey(len(listed.names), _side(shapes), most, True, depth)
    if datasets.is_dataset(source):
        held: Any = source
        shapes = [datasets.shape_of(held, row, axis) for row in spread(len(held), SURVEYED).tolist()]
        most = max(shape[0] for shape in shapes)
        return Survey(len(held), _side(shapes), most, len(set(shapes)) > 1, _depth(held))
    pixels, _ = _array(source)
    shape = arrays.shape_of(pixels.shape, axis)
    return Survey(len(pixels), _side([shape]), shape[0], False, kind_of(pixels.dtype))


@door
def open_pictures(
    source: object,
    *,
    size: int | None,
    channels: int,
    axis: str = "auto",
    levels: Range | None = None,
    progress: Progress | None = None,
) -> PictureItems:
    """Open a source as pictures (b, c, h, w) of bytes, or of floats in [0, 1] where there are deeper levels.

    Args:
        source: A folder or an archive of photos, a list or a column of their paths, a single photo; an .npy, .npz
            or IDX file, an array, a tensor; a list of Pillow images, a dataset; ``"sample:fashion"``.
        size: All are squeezed to (size, size). None leaves the pictures of an array as large as they are, and brings
            those of a dataset to the size of the first.
        channels: 1 for grey or 3 for colour, into which the pictures are brought, or their own number of bands.
        axis: Where the channels of an array are: first, last or auto.
        levels: The range that the training data had, which deeper levels than bytes are read by; None for a model of
            pictures of 8 bits, for which all are brought to bytes.
        progress: Is told how many photos have been decoded, and of how many.

    Raises:
        SourceError: Nothing usable is there; the message says what was looked for and where.
    """
    items = _opened(source, size, channels, axis=axis, progress=progress)
    items.scale = scale(items.kind, levels, items.sample)
    return items


def _opened(source: object, size: int | None, channels: int, *, axis: str, progress: Progress | None) -> PictureItems:
    listed = _listing(source)
    if listed is not None:
        if size is None:
            raise SourceError("Photos differ in size. Say with size=... to how many pixels they are brought.")
        kind = deepest(each.kind for each in _headers(listed)[0])
        return open_photos(listed, size=size, channels=channels, kind=kind, progress=progress)
    if datasets.is_dataset(source):
        held: Any = source
        own = datasets.shape_of(held, 0, axis)[1:] if size is None else (size, size)
        return datasets.DatasetItems(held, size=own, channels=channels, kind=_depth(held), axis=axis)
    pixels, labels = _array(source)
    items = arrays.open_arrays(pixels, channels=channels, labels=labels, axis=axis)
    own = arrays.shape_of(pixels.shape, axis)[1:]
    if size is None or own == (size, size):
        return items
    squeezed = datasets.DatasetItems(items, size=(size, size), channels=channels, kind=items.kind, axis="first")
    squeezed.labels = labels
    return squeezed


def _depth(source: Any) -> str:
    """What the levels of a dataset are, judged by some of its pictures."""
    return deepest(datasets.kind(source, row) for row in spread(len(source), DEPTHS).tolist())


def _path_looks(path: Path) -> bool:
    if path.is_dir():
        return idx.has_pictures(path) or listing.has_pictures(path)
    if archives.is_archive(path):
        return archives.has_pictures(path)
    if path.suffix.lower() in arrays.SUFFIXES:
        try:
            return any(arrays.are_pictures(*held) for held in arrays.shapes_in(path).values())
        except arrays.DAMAGE:
            return False
    if frames.is_frame(path):
        return read_sheet(path).kind == "image"
    return is_picture_name(path.name) or idx.is_idx(path)


def _is_path_list(source: object) -> bool:
    first = source[0] if isinstance(source, list | tuple) and source else None
    return isinstance(first, str | Path) and is_picture_name(Path(first).name)


def _listing(source: object) -> Listing | None:
    """The photos that a source names; None where it holds numbers, images in memory or something else."""
    if is_columns(source):
        return listing.of_sheet(read_sheet(source, kind="image"))
    if isinstance(source, list | tuple) and (not source or isinstance(source[0], str | Path)):
        return listing.of_paths(source)
    if not isinstance(source, str | Path) or str(source).startswith("sample:"):
        return None
    path = existing(source)
    if path.is_dir():
        return None if idx.pictures_in(path) else listing.of_folder(path)
    if archives.is_archive(path):
        return archives.of_archive(path)
    return listing.of_paths([path]) if is_picture_name(path.name) else None


def _array(source: object) -> tuple[arrays.Pictures, Any]:
    """The pictures that a source holds as numbers, and their labels if it has them."""
    if arrays.is_array(source):
        return arrays.as_numpy(source), None  # type: ignore[arg-type]
    if isinstance(source, str) and source.startswith("sample:"):
        return samples.read_sample(source)
    if isinstance(source, str | Path):
        path = existing(source)
        images = idx.pictures_in(path) if path.is_dir() else path
        if images is not None and idx.is_idx(images):
            labels = idx.labels_beside(images)
            return idx.read_idx(images), None if labels is None else labels.tolist()
        if path.suffix.lower() in arrays.SUFFIXES:
            return arrays.read_arrays(path)
    raise SourceError(
        "Pictures come from a folder, an archive, a list or a column of paths, an .npy, .npz or IDX file, an array, "
        f"a tensor, a list of Pillow images or a dataset. Got {_said(source)}."
    )


def _said(source: object) -> str:
    return f"'{source}'" if isinstance(source, str | Path) else f"a {type(source).__name__}"


def _headers(photos: Listing) -> tuple[list[Header], list[str]]:
    """The headers of some photos, and why others have none; those are told of when all are opened."""
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
