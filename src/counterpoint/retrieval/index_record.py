"""The files of an index, and the record that lists them. No path in the record is followed.

IDX/index.json                   segments, backends, model; written last: files that it does not list are no part of it
IDX/segment-000001/vectors.npy   unit vectors (n, d) float32
IDX/segment-000001/items.parquet names, labels, groups, texts and metadata columns
IDX/segment-000001/...           files of the backend of the segment
IDX/deleted-000002.npy           deleted rows, over all segments
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, NotRequired, TypedDict

from counterpoint.errors import RunError
from counterpoint.storage.files import LOCK, expanded, fingerprint, is_there, target_of
from counterpoint.storage.schemas import Share
from counterpoint.storage.typed_json import Between, Count, Digest, Size, read_json

INDEX, VECTORS, ITEMS = "index.json", "vectors.npy", "items.parquet"
FORMAT = 1
REMEDY = "Build the index again: counterpoint index RUN SOURCE --out IDX."

CHECKED = 2**28
"""Files of at most so many bytes are checked against their digests whenever the index is opened."""

Backends = Literal["exact", "scan", "faiss"]
Number = Annotated[int, Between(1, 999_999)]
Setting = Annotated[int, Between(1, 2**31)]


class Settings(TypedDict):
    """Search settings of a segment; each backend has some of them."""

    lists: NotRequired[Setting]
    scanned: NotRequired[Setting]
    reranked: NotRequired[Size]
    probes: NotRequired[Setting]


class SegmentRecord(TypedDict):
    """Some of the vectors, in a folder that never changes."""

    number: Number
    rows: Annotated[int, Between(1, 2**31)]
    backend: Backends
    settings: Settings
    recall: Share
    recall_queries: Count
    files: dict[str, Digest]
    faiss_seal: NotRequired[str | None]


class Deletions(TypedDict):
    """The deleted rows: the number of their file, their count, the digest of the file."""

    number: Number
    rows: Count
    file: Digest


class Version(TypedDict):
    """The part of ``index.json`` that is read first; the rest may differ between versions."""

    format: NotRequired[object]


class IndexRecord(TypedDict):
    """``index.json``."""

    format: Literal[1]
    counterpoint: str
    length: Size
    model: str
    preprocessing: str
    modality: str | None
    run: str | None
    run_seal: str | None
    backend: Literal["auto", "exact", "scan", "faiss"]
    segments: Annotated[list[SegmentRecord], Between(1, 1000)]
    deleted: Deletions | None


def segment_folder(folder: Path, number: int) -> Path:
    """The folder of a segment."""
    return folder / f"segment-{number:06}"


def deletions_file(folder: Path, number: int) -> Path:
    """The file that marks deleted rows."""
    return folder / f"deleted-{number:06}.npy"


def is_index(source: object) -> bool:
    """Whether a source is the path of an index, finished or not."""
    if not isinstance(source, str | Path) or not is_there(source):
        return False
    path = expanded(source)
    return (path / INDEX).is_file() or segment_folder(path, 1).is_dir()


def read_record(folder: Path) -> IndexRecord:
    """The record of an index.

    Raises:
        RunError: There is none, or it is damaged.
    """
    if not (folder / INDEX).is_file():
        if leftovers(folder):
            raise RunError(
                f"'{folder}' holds an unfinished index: its process was stopped. Give the same command again."
            )
        raise RunError(f"There is no index in '{folder}'. Build one: counterpoint index RUN SOURCE --out {folder}")
    version = read_json(folder / INDEX, Version, REMEDY).get("format")
    if version != FORMAT:
        raise RunError(
            f"'{folder / INDEX}' has the format {str(version)[:40]}, and this version reads {FORMAT}. {REMEDY}"
        )
    return read_json(folder / INDEX, IndexRecord, REMEDY)


def leftovers(folder: Path) -> list[Path]:
    """The segments and marks of deleted rows in a folder, those of a stopped process included."""
    pattern = re.compile(r"segment-\d{6}|deleted-\d{6}\.npy")
    return [each for each in sorted(folder.iterdir()) if pattern.fullmatch(each.name)] if folder.is_dir() else []


def require_free(folder: Path) -> None:
    """Refuse a folder that holds an index or other files."""
    if (folder / INDEX).exists():
        raise RunError(f"'{folder}' holds an index already. Change it with --add or --delete, or choose another --out.")
    expected, record = {LOCK, *(each.name for each in leftovers(folder))}, folder / INDEX
    others = [each for each in folder.iterdir() if each.name not in expected] if folder.is_dir() else []
    if any(target_of(each) != record for each in others):
        raise RunError(f"'{folder}' holds other files. An index needs an empty folder: choose another --out.")


def swept(folder: Path, record: IndexRecord | None) -> int:
    """Remove files that the record does not list; returns the first free number."""
    listed: set[Path] = set()
    if record is not None:
        listed = {segment_folder(folder, each["number"]) for each in record["segments"]}
        if record["deleted"] is not None:
            listed.add(deletions_file(folder, record["deleted"]["number"]))
    for each in leftovers(folder):
        if each not in listed and not each.is_symlink():
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    return 1 + max((int(re.sub(r"\D", "", each.name)) for each in leftovers(folder)), default=0)


def require_unchanged(folder: Path, files: Mapping[str, str], expected: frozenset[str], *, all_of_them: bool) -> None:
    """Refuse a segment with a file that is missing or was changed.

    Raises:
        RunError: One is; ``all_of_them`` checks the digests of large files, too.
    """
    if set(files) != expected:
        raise RunError(f"'{folder}' is damaged: its record lists other files than it has. {REMEDY}")
    for name, digest in files.items():
        file = folder / name
        if not file.is_file():
            raise RunError(f"'{file}' is missing. {REMEDY}")
        if (all_of_them or file.stat().st_size <= CHECKED) and fingerprint(file) != digest:
            raise RunError(f"'{file}' is damaged or was changed. {REMEDY}")
