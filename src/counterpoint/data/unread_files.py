"""Files beside photos in unsupported formats: their number by kind, and what to do.

>>> advice("trip/IMG_0001.HEIC")
'.heic files are not read: save them as .jpg, as pillow-heif or ImageMagick does'
>>> notes(["a.mov", "b.mov", "c.pdf"])[0]
'2 .mov files are not read: take pictures out of them, as with ffmpeg -i clip.mov frame-%05d.jpg'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath

PICTURES = {
    **dict.fromkeys((".heic", ".heif", ".hif"), "save them as .jpg, as pillow-heif or ImageMagick does"),
    **dict.fromkeys(
        (".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2", ".raw"),
        "develop them to .jpg or .tif, as rawpy or darktable does",
    ),
    **dict.fromkeys((".psd", ".psb", ".xcf", ".ai", ".eps"), "export them as .png, as GIMP or ImageMagick does"),
    **dict.fromkeys((".svg", ".svgz"), "draw them as .png, as CairoSVG or rsvg-convert does"),
    **dict.fromkeys((".jp2", ".j2k", ".jxl", ".tga", ".dds"), "save them as .png, as ImageMagick does"),
    **dict.fromkeys((".exr", ".hdr"), "save them as .png or .npy, as OpenEXR or ImageMagick does"),
    **dict.fromkeys((".nii", ".nii.gz", ".mha", ".nrrd"), "save their slices as .npy, as nibabel or SimpleITK does"),
    **dict.fromkeys((".svs", ".ndpi", ".mrxs", ".scn"), "cut them into tiles as .png, as OpenSlide does"),
    **dict.fromkeys((".czi", ".lif", ".nd2"), "save them as .tif, as Fiji or bioio does"),
}
"""Suffixes of pictures, and what converts them."""

OTHERS = {
    **dict.fromkeys(
        (".mov", ".mp4", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".wmv"),
        "take pictures out of them, as with ffmpeg -i clip.mov frame-%05d.jpg",
    ),
    ".pdf": "save their pages as .png, as with pdftoppm -png file.pdf page",
    **dict.fromkeys(
        (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".rar", ".7z"),
        "unpack them; a .zip or .tar is also a source of its own",
    ),
}
"""Suffixes of files that may contain pictures, and how to extract them."""


ADVICE = PICTURES | OTHERS

FILES = {
    **dict.fromkeys((".xls", ".xlsx", ".xlsm", ".ods"), "save the sheet as .csv"),
    **dict.fromkeys((".doc", ".docx", ".odt", ".rtf", ".epub"), "save it as .txt, as pandoc does"),
    **dict.fromkeys((".db", ".sqlite", ".sqlite3", ".duckdb"), "write the table that is meant to .csv or .parquet"),
    **dict.fromkeys(
        (".feather", ".arrow", ".orc", ".avro", ".dta", ".sav", ".rds"), "write it to .parquet, as pandas does"
    ),
    **dict.fromkeys(
        (".pkl", ".pickle", ".pt", ".joblib"), "such files may run code: save arrays as .npy, tables as .parquet"
    ),
    **dict.fromkeys((".mat", ".h5", ".hdf5", ".nc", ".zarr"), "save the array that is meant as .npy"),
    **dict.fromkeys((".wav", ".mp3", ".flac", ".ogg", ".m4a"), "sound is not read yet"),
}
"""Suffixes of other data, and what converts it."""


def advice_on_source(name: str) -> str | None:
    """Why a file is not a source and what to do; None for an unknown suffix.

    >>> advice_on_source("sales.xlsx")
    '.xlsx files are not read: save the sheet as .csv'
    """
    suffix = PurePath(name).suffix.lower()
    return f"{suffix} files are not read: {FILES[suffix]}" if suffix in FILES else advice(name)


def is_unread_picture(name: str) -> bool:
    """Whether a name has the suffix of an unsupported picture format."""
    return _suffix(name) in PICTURES


def advice(name: str) -> str | None:
    """Why a file is not read and what would convert it; None for one without pictures."""
    suffix = _suffix(name)
    return None if suffix is None else f"{suffix} files are not read: {ADVICE[suffix]}"


def notes(names: Iterable[str]) -> list[str]:
    """One sentence for each unsupported format, the most frequent first."""
    counts = Counter(suffix for suffix in map(_suffix, names) if suffix is not None)
    return [
        f"{count:,} {suffix} file{'s are' if count > 1 else ' is'} not read: {ADVICE[suffix]}"
        for suffix, count in counts.most_common()
    ]


def _suffix(name: str) -> str | None:
    """The suffix of a name, if it is in the tables."""
    suffixes = PurePath(name.lower()).suffixes
    both = "".join(suffixes[-2:])
    return next((suffix for suffix in (both, *suffixes[-1:]) if suffix in ADVICE), None)
