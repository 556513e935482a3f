"""The bytes of a file, unpacked where it is packed: gzip, bzip2, xz, Zstandard, or a zip with one file in it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa

from counterpoint.errors import SourceError, listed

PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")

DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError)
"""What these libraries raise over damaged files, encrypted ones and unknown ways to pack."""


def suffix_of(source: str | Path) -> str:
    """What the name of a file ends in, but for that of a packed one.

    >>> suffix_of("sentences.tsv.gz"), suffix_of("photos.PARQUET"), suffix_of("a.json.zst")
    ('.tsv', '.parquet', '.json')
    """
    path = Path(source)
    return Path(path.stem if path.suffix.lower() in PACKED else path.name).suffix.lower()


def contents(file: Path) -> bytes:
    """What is in a file, unpacked.

    Raises:
        SourceError: It is damaged, or a zip that holds other than one file.
    """
    suffix = file.suffix.lower()
    try:
        if suffix == ".zip":
            return _only_member(file)
        data = file.read_bytes()
        if suffix == ".gz":
            return gzip.decompress(data)
        if suffix == ".bz2":
            return bz2.decompress(data)
        if suffix == ".xz":
            return lzma.decompress(data)
        return _zstandard(data) if suffix == ".zst" else data
    except DAMAGE as wrong:
        raise SourceError(f"'{file}' cannot be read: {wrong}. It is damaged; make or download it again.") from wrong


def _zstandard(data: bytes) -> bytes:
    with pa.CompressedInputStream(io.BytesIO(data), "zstd") as stream:
        return bytes(stream.read())


def member_of(file: Path) -> str | None:
    """The name of the one file in a zip; None where it holds several, or is none."""
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
        return packed.read(names[0])


def _names(packed: zipfile.ZipFile) -> list[str]:
    """The files that somebody packed, without folders and what file managers leave behind."""
    return [
        member.filename
        for member in packed.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX") and "/." not in f"/{member.filename}"
    ]
