"""What lies in the folder of an index, and the record that says so. Nothing in the record is a path into the folder.

IDX/index.json                   what is there, written last: what it does not name is no part of the index
IDX/segment-000001/vectors.npy   vectors (n, d) float32 of length 1
IDX/segment-000001/items.parquet their names, labels, groups, texts and columns
IDX/segment-000001/...           what the backend of the segment keeps
IDX/deleted-000002.npy           which rows were deleted, over all segments
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, NotRequired, TypedDict

from counterpoint.errors import RunError
from counterpoint.storage.files import LOCK, fingerprint, target_of
from counterpoint.storage.schemas import Share
from counterpoint.storage.typed_json import Between, Count, Digest, Size, read_json

INDEX, VECTORS, ITEMS = "index.json", "vectors.npy", "items.parquet"
FORMAT = 1
REMEDY = "Build the index anew: counterpoint index RUN SOURCE --out IDX."

CHECKED = 2**28
"""Bytes of a file whose digest is compared whenever the index is opened; of larger ones only the size."""

Backends = Literal["exact", "scan", "faiss"]
Number = Annotated[int, Between(1, 999_999)]
Effort = Annotated[int, Between(1, 2**31)]


class Settings(TypedDict):
    """How the backend of a segment searches; which of these there are depends on the backend."""

    lists: NotRequired[Effort]
    scanned: NotRequired[Effort]
    reranked: NotRequired[Size]
    probes: NotRequired[Effort]


class SegmentRecord(TypedDict):
    """Some of the vectors, in a folder of their own that never changes."""

    number: Number
    rows: Annotated[int, Between(1, 2**31)]
    backend: Backends
    settings: Settings
    recall: Share
    recall_queries: Count
    files: dict[str, Digest]
    faiss_seal: NotRequired[str | None]


class Deletions(TypedDict):
    """Which rows were deleted."""

    number: Number
    rows: Count
    file: Digest


class Version(TypedDict):
    """What is read first of ``index.json``: other versions may hold anything else."""

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
    """Where a segment lies."""
    return folder / f"segment-{number:06}"


def deletions_file(folder: Path, number: int) -> Path:
    """Where it is kept which rows were deleted."""
    return folder / f"deleted-{number:06}.npy"


def is_index(source: object) -> bool:
    """Whether this is the path of an index."""
    return (
        isinstance(source, str | Path) and bool(str(source).strip()) and (Path(source).expanduser() / INDEX).is_file()
    )


def read_record(folder: Path) -> IndexRecord:
    """The record of an index.

    Raises:
        RunError: There is none, or it is damaged.
    """
    if not (folder / INDEX).is_file():
        if leftovers(folder):
            raise RunError(f"'{folder}' holds no finished index: what built it was stopped. Give its command again.")
        raise RunError(f"There is no index in '{folder}'. Build one: counterpoint index RUN SOURCE --out {folder}")
    version = read_json(folder / INDEX, Version, REMEDY).get("format")
    if version != FORMAT:
        raise RunError(
            f"'{folder / INDEX}' has the format {str(version)[:40]}, and this version reads {FORMAT}. {REMEDY}"
        )
    return read_json(folder / INDEX, IndexRecord, REMEDY)


def leftovers(folder: Path) -> list[Path]:
    """The files and folders in a folder that an index has, or that a process left which was building one."""
    pattern = re.compile(r"segment-\d{6}|deleted-\d{6}\.npy")
    return [each for each in sorted(folder.iterdir()) if pattern.fullmatch(each.name)] if folder.is_dir() else []


def require_free(folder: Path) -> None:
    """Refuse a folder that an index cannot be built in."""
    if (folder / INDEX).exists():
        raise RunError(f"'{folder}' holds an index already. Change it with --add or --delete, or choose another --out.")
    known, record = {LOCK, *(each.name for each in leftovers(folder))}, folder / INDEX
    others = [each for each in folder.iterdir() if each.name not in known] if folder.is_dir() else []
    if any(target_of(each) != record for each in others):
        raise RunError(f"'{folder}' holds other files. An index has a folder of its own: choose another --out.")


def swept(folder: Path, record: IndexRecord | None) -> int:
    """Remove what the record does not name, and give the first number that is free."""
    kept: set[Path] = set()
    if record is not None:
        kept = {segment_folder(folder, each["number"]) for each in record["segments"]}
        if record["deleted"] is not None:
            kept.add(deletions_file(folder, record["deleted"]["number"]))
    for each in leftovers(folder):
        if each not in kept and not each.is_symlink():
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    return 1 + max((int(re.sub(r"\D", "", each.name)) for each in leftovers(folder)), default=0)


def require_unchanged(folder: Path, files: Mapping[str, str], expected: frozenset[str], *, all_of_them: bool) -> None:
    """Refuse a segment in which a file is missing, or was changed since it was written.

    Raises:
        RunError: Something is; ``all_of_them`` compares the digests of large files, too.
    """
    if set(files) != expected:
        raise RunError(f"'{folder}' is damaged: its record names other files than it has. {REMEDY}")
    for name, digest in files.items():
        file = folder / name
        if not file.is_file():
            raise RunError(f"'{file}' is missing. {REMEDY}")
        if (all_of_them or file.stat().st_size <= CHECKED) and fingerprint(file) != digest:
            raise RunError(f"'{file}' was changed or damaged since it was written. {REMEDY}")
