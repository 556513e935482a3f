"""What is known of items besides what they are: size, brightness, length, folder, date, columns not learned from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from counterpoint.data.frames import Frame
from counterpoint.interfaces import Items, info_of
from counterpoint.modality import HasColumns, Modality, ShowsPictures
from counterpoint.storage.files import expanded

FOLDER = "folder"
"""What labels are called that are the folders themselves."""

PIECE = 250
"""Items that are read at once."""

Columns = dict[str, Sequence[Any]]


def metadata_of(modality: Modality | None, items: Items, source: object, *, label: object = None) -> Columns:
    """The columns of metadata of some items; ``label`` names the one that holds the labels, which is none of them."""
    folders = {} if isinstance(label, str) and label == FOLDER else _folders(items.names)
    columns: Columns = {**folders, **_of_files(items.names, source), **_of_texts(items)}
    lengths = info_of(items).lengths
    if lengths is not None and info_of(items).texts is None:
        columns["length"] = [int(each) for each in lengths]
    if isinstance(modality, ShowsPictures):
        columns |= _of_pictures(modality, items)
    columns |= _not_learned(modality, items)
    return {name: cells for name, cells in columns.items() if not (isinstance(label, str) and name == label)}


def _folders(names: Sequence[str]) -> Columns:
    """The folders of each level that items lie in, by their depth."""
    parts = [PurePosixPath(name).parts[:-1] for name in names]
    depth = min((len(part) for part in parts), default=0)
    return {f"folder {level + 1}": [part[level] for part in parts] for level in range(depth)}


def _of_files(names: Sequence[str], source: object) -> Columns:
    """Bytes, day of the last change, width and height of files in a folder; nothing where items are no files."""
    root = expanded(source) if isinstance(source, str | Path) and not str(source).startswith("sample:") else None
    if root is None or not root.is_dir():
        return {}
    rows = [_of_file(root, name) for name in names]
    return {name: [row.get(name) for row in rows] for name in ("bytes", "date", "width", "height")}


def _of_file(root: Path, name: str) -> dict[str, Any]:
    file = root / name
    if not file.is_file() or not file.resolve().is_relative_to(root.resolve()):
        return {}
    about = file.stat()
    changed = datetime.fromtimestamp(about.st_mtime, UTC).date().isoformat()
    try:
        with Image.open(file) as picture:  # reads no more than the head
            width, height = picture.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # it is no picture
        return {"bytes": about.st_size, "date": changed}
    return {"bytes": about.st_size, "date": changed, "width": width, "height": height}


def _of_texts(items: Items) -> Columns:
    texts = info_of(items).texts
    if texts is None:
        return {}
    return {
        "letters": [len(text) for text in texts],
        "words": [len(text.split()) for text in texts],
        "capitals": [sum(map(str.isupper, text)) / max(1, len(text)) for text in texts],
    }


def _of_pictures(modality: ShowsPictures, items: Items) -> Columns:
    """Mean and deviation of the brightness, from 0 to 1."""
    brightness, contrast = [], []
    for start in range(0, len(items), PIECE):
        pictures = modality.picture(items.take(np.arange(start, min(start + PIECE, len(items))))).float() / 255
        grey = pictures.mean(dim=1).flatten(1)
        brightness += grey.mean(dim=1).tolist()
        contrast += grey.std(dim=1, unbiased=False).tolist()
    return {"brightness": brightness, "contrast": contrast}


def _not_learned(modality: Modality | None, items: Items) -> Columns:
    """The columns of the source that the model is not given."""
    frame: Frame | None = info_of(items).columns
    if frame is None or len(frame) != len(items):
        return {}
    learned = set(modality.uses()) if isinstance(modality, HasColumns) else set()
    texts = info_of(items).texts
    columns = {name: frame.labels(name) for name in frame.columns if name not in learned}
    return {name: cells for name, cells in columns.items() if texts is None or list(map(str, cells)) != list(texts)}
