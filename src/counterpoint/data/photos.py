"""Photos are decoded once, into a file of pixels in the cache, which is memory-mapped from then on.

    <cache folder>/<source, size, channels, kind>/<name, size and modification time of every photo>/
        pixels.npy      (n, c, size, size), uint8 or as deep as the photos are
            manifest.json   the photos, why some cannot be used, and remarks on others

The second folder is named by a hash of what it was made from, so a changed, added or removed photo leads to another
one, for which the rows of all other photos are copied. It is built under a temporary name and renamed when complete:
leftovers of a killed process are never read, and removed by the next; of two concurrent processes one gives way.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int64, Shaped
from PIL import Image
from torch import Tensor

from counterpoint.data.decode import decode, reason
from counterpoint.data.listing import Labels, Listing, bytes_of
from counterpoint.data.originals import originals
from counterpoint.data.skipped_items import notes_of
from counterpoint.data.subset import spread
from counterpoint.data.unread_files import advice, notes
from counterpoint.data.value_range import MEASURED, Levels, Scale
from counterpoint.errors import InputError, NothingLeft, SourceError
from counterpoint.interfaces import ItemsInfo
from counterpoint.preprocessing import Preprocessing
from counterpoint.storage.files import beside_others, expanded
from counterpoint.storage.limits import FLIGHT, ByteFile

Progress = Callable[[int, int], None]
"""Progress: called with the number of decoded photos, and of all photos."""

FORMAT = 2  # to be raised when ``decode`` changes its pixels
BLOCK = 32
WORKERS = min(4, os.cpu_count() or 1)
DAY = 24 * 60 * 60


def cache_folder() -> Path:
    """The folder of decoded photos: $COUNTERPOINT_CACHE, else counterpoint in $XDG_CACHE_HOME or ~/.cache."""
    chosen = os.environ.get("COUNTERPOINT_CACHE", "").strip()
    try:
        return expanded(chosen or (os.environ.get("XDG_CACHE_HOME", "").strip() or "~/.cache") + "/counterpoint")
    except InputError as wrong:
        raise SourceError(
            f"There is no folder to keep decoded pictures in. {wrong} Set COUNTERPOINT_CACHE to a folder."
        ) from wrong


class Photos:
    """Decoded photos as items; unusable ones, and files of other kinds beside them, are ``skipped``."""

    def __init__(self, listing: Listing, kept: Kept) -> None:
        self._pixels, self._labels, self._reading = kept.pixels, listing.labels, listing.reading
        self._places = np.flatnonzero([name not in kept.skipped for name in listing.names])
        rows = self._places if listing.frame is None else listing.frame.rows[self._places]
        count = len(listing.names) + (0 if listing.frame is None else len(listing.frame.skipped))
        self._source = ItemsInfo(source_rows=rows, source_count=count, columns=listing.frame)
        self.names = [listing.names[place] for place in self._places]
        self.skipped = list(kept.skipped.items())
        if not self.names:
            first = "'{}', for one: {}".format(*self.skipped[0])
            raise NothingLeft(f"None of {len(listing.names)} photos can be used; {first}.", self.skipped)
        self.skipped += listing.unread
        self.notes = [*notes_of(kept.remarks), *notes(name for name, _ in listing.unread)]
        self.kind = self._pixels.dtype.name
        self.scale: Scale = torch.from_numpy

    @cached_property
    def labels(self) -> Labels:
        """The label of each photo from the source; read on demand."""
        labels = self._labels()
        return None if labels is None else [labels[place] for place in self._places.tolist()]

    @property
    def info(self) -> ItemsInfo:
        """The metadata of their source."""
        return replace(self._source, skipped=self.skipped, notes=self.notes)

    def __len__(self) -> int:
        return len(self.names)

    def sample(self) -> Levels:
        """Pixel values of some photos, evenly spread."""
        return self.levels(spread(len(self), MEASURED))

    def levels(self, index: Int64[np.ndarray, " b"]) -> Levels:
        """The original values of some photos."""
        result: Levels = self._pixels[self._places[index]]
        return result

    def take(self, index: Int64[np.ndarray, " b"]) -> Shaped[Tensor, "b c h w"]:
        return self.scale(self.levels(index))

    def originals(self, index: Int64[np.ndarray, " b"], side: int) -> list[Image.Image | None]:
        """The photos at their aspect ratio, no longer than ``side``; None for high bit depth or unreadable ones."""
        return originals(self._reading, self._places[index], side, grey=self._pixels.shape[1] == 1)


def open_photos(
    listing: Listing, *, size: int | Preprocessing, channels: int, kind: str = "uint8", progress: Progress | None = None
) -> Photos:
    """The photos of a listing at (size, size), from the cache as far as possible, with pixel values of this kind."""
    like, size = (size, size.kept) if isinstance(size, Preprocessing) else (None, size)
    manner = [] if like is None else [like.size, like.shorter, like.resample]
    source = _digest([FORMAT, listing.location, size, channels, kind, *manner])
    try:
        above = cache_folder() / source
        above.mkdir(parents=True, exist_ok=True)
        folder = above / _digest([listing.names, listing.stamps])
        shape = (len(listing.names), channels, size, size)
        kept = _read(folder, shape)
        if kept is None:
            _sweep_buildings(above, older=DAY)
            with beside_others(above, partial(_sweep_buildings, above)):
                kept = _build(folder, listing, Pixels(shape, np.dtype(kind), like), progress)
    except OSError as wrong:
        raise unkept(wrong) from wrong
    return Photos(listing, kept)


def unkept(wrong: OSError) -> SourceError:
    """The message for a cache that cannot be written to."""
    return SourceError(
        f"Decoded pictures cannot be kept in '{cache_folder()}': {wrong.strerror or wrong}. "
        "Make room there, or set COUNTERPOINT_CACHE to a folder where there is some."
    )


@dataclass(frozen=True)
class Kept:
    """A complete folder of the cache: pixels, the stamp of each photo by name, and remarks on some of them."""

    pixels: Levels
    stamps: dict[str, tuple[int, int]]
    skipped: dict[str, str]
    """Why they have no pixels."""
    remarks: dict[str, dict[str, int]]
    """What is left out of them, and how many times."""


class Pixels(NamedTuple):
    """The target: (n, c, size, size), the type of the values, and the preprocessing."""

    shape: tuple[int, ...]
    kind: np.dtype
    like: Preprocessing | None


Row = tuple[np.ndarray | str, dict[str, int]]
"""The pixels of a photo or why there are none, and remarks on it."""


def _digest(record: object) -> str:
    return hashlib.sha256(json.dumps(record).encode()).hexdigest()[:32]


def _read(folder: Path, shape: tuple[int, ...] | None = None) -> Kept | None:
    """The contents of a folder of the cache, or None where it is missing or damaged."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        pixels = np.load(folder / "pixels.npy", mmap_mode="r", allow_pickle=False)
        stamps = {name: (size, changed) for name, size, changed in manifest["photos"]}
        kept = Kept(pixels, stamps, manifest["skipped"], manifest["remarks"])
    except (OSError, ValueError, EOFError, KeyError, TypeError):
        return None
    complete = len(pixels) == len(stamps) and shape in (None, pixels.shape)
    return kept if complete else None


def _build(folder: Path, listing: Listing, wanted: Pixels, progress: Progress | None) -> Kept:
    """Write a folder of the cache under a temporary name, rename it, and remove what it replaces."""
    earlier = next((kept for kept in map(_read, _earlier(folder)) if kept is not None), None)
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=folder.parent))
    try:
        with (building / "pixels.npy").open("wb") as file:
            header = {"descr": wanted.kind.str, "fortran_order": False, "shape": wanted.shape}
            np.lib.format.write_array_header_1_0(file, header)
            skipped, remarks = _write_rows(file, listing, wanted, earlier, progress)
            file.flush()
            os.fsync(file.fileno())
        photos = [(name, *stamp) for name, stamp in zip(listing.names, listing.stamps, strict=True)]
        record = {"source": listing.location, "photos": photos, "skipped": skipped, "remarks": remarks}
        (building / "manifest.json").write_text(json.dumps(record), encoding="utf-8")
        kept = _settle(building, folder, wanted.shape)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    for each in _earlier(folder):  # what it replaces
        shutil.rmtree(each, ignore_errors=True)
    return kept


def _settle(building: Path, folder: Path, shape: tuple[int, ...]) -> Kept:
    """Rename a complete folder to its place; where another process was faster, use that one."""
    if _read(folder, shape) is None:
        shutil.rmtree(folder, ignore_errors=True)
    try:
        building.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    kept = _read(folder, shape)
    if kept is None:
        raise OSError(f"the folder '{folder}' was changed while it was written")
    return kept


def _earlier(folder: Path) -> list[Path]:
    """The complete folders that were made from the same source, the newest first."""
    others = [each for each in folder.parent.iterdir() if each != folder and not each.name.startswith(".")]
    return sorted(others, key=_changed, reverse=True)


def _changed(folder: Path) -> float:
    """The modification time of a folder; 0 if another process has just removed it."""
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _sweep_buildings(above: Path, *, older: float = 0.0) -> None:
    """Remove leftovers of killed processes: all of them when no other process is at work, else those a day old."""
    for each in above.glob(".building-*"):
        if time.time() - _changed(each) >= older:
            shutil.rmtree(each, ignore_errors=True)


def _write_rows(
    file: ByteFile, listing: Listing, wanted: Pixels, earlier: Kept | None, progress: Progress | None
) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
    """Write the pixels of every photo, zeros for unusable ones; return why those are, and the remarks on others.

    Rows are written, not assigned to a memory map, so that a full disk raises an error and kills no process.
    """
    skipped, remarks = {}, {}
    for place, (row, remarked) in enumerate(_rows(listing, wanted, earlier)):
        if isinstance(row, str):
            skipped[listing.names[place]] = advice(listing.names[place]) or row
            row = np.zeros(wanted.shape[1:], wanted.kind)
        elif remarked:
            remarks[listing.names[place]] = remarked
        file.write(row.tobytes())
        if progress is not None:
            progress(place + 1, wanted.shape[0])
    return skipped, remarks


def _rows(listing: Listing, wanted: Pixels, earlier: Kept | None) -> Iterator[Row]:
    """The headers of photos: files are read in turn and decoded in parallel."""
    held = {} if earlier is None else {name: row for row, name in enumerate(earlier.stamps)}
    with warnings.catch_warnings(), listing.reading() as read, ThreadPoolExecutor(WORKERS) as pool:
        for module in ("PIL", "pydicom", "tifffile"):
            warnings.filterwarnings("ignore", module=module)
        waiting, flying = list[Future[Row]](), 0
        for place, name in enumerate(listing.names):
            if earlier is not None and earlier.stamps.get(name) == listing.stamps[place]:
                waiting.append(pool.submit(_again, earlier, name, held[name]))
            else:
                data = bytes_of(read, place)
                flying += len(data)
                waiting.append(pool.submit(_decoded, data, wanted))
            if len(waiting) == BLOCK or flying > FLIGHT:
                yield from (each.result() for each in waiting)
                waiting, flying = [], 0
        yield from (each.result() for each in waiting)


def _again(earlier: Kept, name: str, row: int) -> Row:
    return earlier.skipped.get(name) or earlier.pixels[row], earlier.remarks.get(name, {})


def _decoded(data: bytes | str, wanted: Pixels) -> Row:
    """The pixels of a photo, or why there are none; decoders may raise anything for damaged files."""
    if isinstance(data, str):
        return data, {}
    remarks: dict[str, int] = {}
    try:
        channels, size = wanted.shape[1:3]
        kind, say = wanted.kind.name, remarks.__setitem__
        return decode(data, size=size, channels=channels, kind=kind, say=say, like=wanted.like), remarks
    except Exception as wrong:
        return reason(wrong), {}
