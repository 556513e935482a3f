"""Metadata of items: size, brightness, length, folder, date, and columns that are not features."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from counterpoint.data.decode import open_file
from counterpoint.data.frames import Frame
from counterpoint.interfaces import Items, info_of
from counterpoint.modality import HasColumns, Modality, ShowsPictures
from counterpoint.storage.files import expanded

FOLDER = "folder"
"""The spec of labels that are folders."""

PIECE = 250
"""Items that are read at a time."""

Columns = dict[str, Sequence[Any]]


def metadata_of(modality: Modality, items: Items, source: object, *, label: str | None = None) -> Columns:
    """The metadata of some items, a column for each kind; without the column that ``label`` names."""
    columns = {
        **({} if label == FOLDER else _folders(items.names)),
        **_of_files(items.names, source),
        **_of_texts(items),
    }
    lengths = info_of(items).lengths
    if lengths is not None and info_of(items).texts is None:
        columns["length"] = [int(each) for each in lengths]
    if isinstance(modality, ShowsPictures):
        columns |= _of_pictures(modality, items)
    columns |= _no_features(modality, items)
    return {name: cells for name, cells in columns.items() if name != label}


def _folders(names: Sequence[str]) -> Columns:
    """The folder of every item at each level that all items have."""
    parts = [PurePosixPath(name).parts[:-1] for name in names]
    depth = min((len(part) for part in parts), default=0)
    return {f"folder {level + 1}": [part[level] for part in parts] for level in range(depth)}


def _of_files(names: Sequence[str], source: object) -> Columns:
    """Bytes, date of the last change, width and height of files in a folder; none where items are not files."""
    root = expanded(source) if isinstance(source, str | Path) and not str(source).startswith("sample:") else None
    if root is None or not root.is_dir():
        return {}
    rows = [_of_file(root, name) for name in names]
    return {name: [row.get(name) for row in rows] for name in ("bytes", "date", "width", "height")}


def _of_file(root: Path, name: str) -> dict[str, Any]:
    file = root / name
    if not file.is_file() or not file.resolve().is_relative_to(root.resolve()):
        return {}
    status = file.stat()
    cells = {"bytes": status.st_size, "date": datetime.fromtimestamp(status.st_mtime, UTC).date().isoformat()}
    try:
        with file.open("rb") as opened, open_file(opened) as picture:  # reads the header only
            width, height = picture.size
    except (OSError, ValueError, SyntaxError):  # no image that is read
        return cells
    return {**cells, "width": width, "height": height}


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


def _no_features(modality: Modality, items: Items) -> Columns:
    """The columns of the source that are not features of the model."""
    frame: Frame | None = info_of(items).columns
    if frame is None or len(frame) != len(items):
        return {}
    features = modality.uses() if isinstance(modality, HasColumns) else ()
    texts = info_of(items).texts
    columns = {name: frame.labels(name) for name in frame.columns if name not in features}
    return {name: cells for name, cells in columns.items() if texts is None or list(map(str, cells)) != list(texts)}
