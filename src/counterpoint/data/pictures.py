"""The door for images: recognises what holds pictures, measures it, opens it."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from counterpoint.data import archives, arrays, datasets, frames, idx, listing, samples
from counterpoint.data.decode import is_grey, is_picture_name, opened, reason
from counterpoint.data.listing import Listing
from counterpoint.data.paths import existing
from counterpoint.data.photos import Progress, open_photos
from counterpoint.data.subset import spread
from counterpoint.errors import SourceError
from counterpoint.interfaces import Items

SURVEYED = 64


class PictureItems(Items, Protocol):
    """Pictures as items, and what was left out: (name, reason) of each."""

    @property
    def skipped(self) -> list[tuple[str, str]]: ...


@dataclass(frozen=True)
class Survey:
    """How many pictures there are, the side of a typical one in pixels, and its channels.

    ``photos`` says that they differ in size or lie in compressed files, so that a size has to be chosen for them.
    """

    count: int
    side: int
    channels: int
    photos: bool


def looks_like_pictures(source: object) -> bool:
    """Whether a source plainly holds pictures, judged by names, headers and its first item."""
    if isinstance(source, str | Path):
        path = Path(source).expanduser()
        return str(source) in samples.SAMPLES or (path.exists() and _path_looks(path))
    if arrays.is_array(source):
        array: Any = source
        return array.dtype != object and arrays.are_pictures(array.shape, arrays.as_numpy(array[:0]).dtype)
    if frames.is_frame(source):
        return _has_path_column(source)
    return _is_path_list(source) or datasets.is_dataset(source)


def survey(source: object, *, column: str | None = None) -> Survey:
    """Measure a source by up to 64 of its pictures, of photos only the headers.

    Raises:
        SourceError: There are no pictures, or none that can be read.
    """
    if column is not None and not frames.is_frame(source):
        raise SourceError(f"There is no column '{column}': only a table of paths has columns. Leave it out.")
    listed = _listing(source, column)
    if listed is not None:
        shapes = _headers(listed)
        return Survey(len(listed.names), _side(shapes), max(shape[0] for shape in shapes), True)
    if datasets.is_dataset(source):
        held: Any = source
        shapes = [datasets.shape_of(held, row) for row in spread(len(held), SURVEYED).tolist()]
        return Survey(len(held), _side(shapes), max(shape[0] for shape in shapes), len(set(shapes)) > 1)
    pixels, _ = _array(source)
    shape = arrays.shape_of(pixels.shape)
    return Survey(len(pixels), _side([shape]), shape[0], False)


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
        source: A folder or an archive of photos, a list or a column of their paths, a single photo; an .npy, .npz
            or IDX file, an array, a tensor; a list of Pillow images, a dataset; ``"sample:fashion"``.
        size: Photos are squeezed to (size, size), and so are the pictures of a dataset unless it is None, which
            means the size of the first of them. Arrays keep their own size.
        channels: 1 for grey or 3 for colour, into which the pictures are brought; for arrays also their own number.
        column: The column of a data frame that holds paths of photos, where more than one does.
        progress: Is told how many photos have been decoded, and of how many.

    Raises:
        SourceError: Nothing usable is there; the message says what was looked for and where.
    """
    listed = _listing(source, column)
    if listed is not None:
        if size is None:
            raise SourceError("Photos differ in size. Say with size=... to how many pixels they are brought.")
        return open_photos(listed, size=size, channels=channels, progress=progress)
    if datasets.is_dataset(source):
        own = datasets.shape_of(source, 0)[1:]
        return datasets.DatasetItems(source, size=own if size is None else (size, size), channels=channels)
    pixels, labels = _array(source)
    return arrays.open_arrays(pixels, channels=channels, labels=labels)


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
        return _has_path_column(path)
    return is_picture_name(path.name) or idx.is_idx(path)


def _has_path_column(source: object) -> bool:
    try:
        return len(listing.path_columns(frames.glance(source))) > 0
    except SourceError:
        return False


def _is_path_list(source: object) -> bool:
    first = source[0] if isinstance(source, list | tuple) and source else None
    return isinstance(first, str | Path) and is_picture_name(Path(first).name)


def _listing(source: object, column: str | None) -> Listing | None:
    """The photos that a source names; None where it holds numbers, images in memory or something else."""
    if frames.is_frame(source):
        return listing.of_frame(source, column)
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
