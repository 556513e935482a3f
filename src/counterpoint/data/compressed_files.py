"""The decompressed bytes of a file: gzip, bzip2, xz, Zstandard, or a zip with one file in it."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa

from counterpoint.errors import SourceError, listed
from counterpoint.storage.limits import unpacked

PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")

OPENERS: dict[str, Callable[[Any], Any]] = {
    ".gz": lambda packed: gzip.GzipFile(fileobj=packed),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zst": lambda packed: pa.CompressedInputStream(packed, "zstd"),
}
"""From suffixes to functions that decompress a file while it is read."""

DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError)
"""Exceptions of these libraries for damaged, encrypted or unsupported files."""


def suffix_of(source: str | Path) -> str:
    """The suffix of a file, without that of its compression.

    >>> suffix_of("sentences.tsv.gz"), suffix_of("photos.PARQUET"), suffix_of("a.json.zst")
    ('.tsv', '.parquet', '.json')
    """
    path = Path(source)
    return Path(path.stem if path.suffix.lower() in PACKED else path.name).suffix.lower()


def contents(file: Path) -> bytes:
    """The decompressed contents of a file.

    Raises:
        SourceError: It is damaged, or a zip with other than one file.
    """
    suffix = file.suffix.lower()
    try:
        if suffix == ".zip":
            return _only_member(file)
        with file.open("rb") as packed, OPENERS.get(suffix, nullcontext)(packed) as stream:
            return unpacked(stream, file) if suffix in OPENERS else stream.read()
    except DAMAGE as wrong:
        raise SourceError(f"'{file}' cannot be read: {wrong}. It is damaged; make or download it again.") from wrong


def member_of(file: Path) -> str | None:
    """The name of the only file in a zip; None where it holds several, or is not one."""
    try:
        with zipfile.ZipFile(file) as packed:
            names = _names(packed)
    except DAMAGE:
        return None
    return names[0] if len(names) == 1 else None


def _only_member(file: Path) -> bytes:
    with zipfile.ZipFile(file) as packed:
        names = _names(packed)
        if len(names) != 1:
            held = listed(names, 5) or "nothing"
            raise SourceError(
                f"'{file}' should hold one file. It holds {held}. Unpack it and point to the one you want."
            )
        with packed.open(names[0]) as stream:
            return unpacked(stream, file)


def _names(packed: zipfile.ZipFile) -> list[str]:
    """The files in a zip, without folders and metadata of file managers."""
    return [
        member.filename
        for member in packed.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX") and "/." not in f"/{member.filename}"
    ]
