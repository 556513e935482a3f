"""From the text or the file of a request to its vector."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32

from counterpoint.data.decode import header
from counterpoint.data.path_or_text import FILES
from counterpoint.errors import InputError, NothingLeft, visible
from counterpoint.interfaces import info_of
from counterpoint.modality import ShowsPictures, parse_query
from counterpoint.model import Model

PIXELS = 2**26
"""Pixels of the largest image that is decoded, 8,192 x 8,192: a small file may hold a huge image."""

Vector = Float32[np.ndarray, " d"]


class TextQuery(NamedTuple):
    """An item as text."""

    text: str


class FileQuery(NamedTuple):
    """An item as the content of an uploaded file, and the name of the file."""

    content: bytes
    name: str


def accepts_text(model: Model) -> bool:
    """Whether items of this model can be given as text."""
    return parse_query(model.modality, "text") is not None


def vectors_of(model: Model, queries: Sequence[TextQuery | FileQuery]) -> list[Vector | Exception]:
    """The vector of every query, or its error. All texts and images are encoded as one batch."""
    results: list[Vector | Exception] = [InputError("It could not be read.")] * len(queries)
    batch: dict[int, Any] = {}
    for position, query in enumerate(queries):
        try:
            if isinstance(query, TextQuery):
                batch[position] = query.text
            elif isinstance(model.modality, ShowsPictures):
                batch[position] = _checked_image(query)
            else:
                results[position] = _embed_file(model, query)
        except InputError as error:
            results[position] = error
    for position, result in zip(batch, _embed_batch(model, list(batch.values())), strict=True):
        results[position] = result
    return results


def _checked_image(query: FileQuery) -> bytes:
    """The content of an image file, once its header says that it is an image that is not too large.

    Raises:
        InputError: It is none, or it is too large.
    """
    try:
        shape = header(io.BytesIO(query.content))
    except Exception as error:  # damaged or foreign bytes make decoders raise any exception
        raise InputError(f"'{_shown_name(query)}' is not an image that can be read.") from error
    if shape.height * shape.width > PIXELS:
        raise InputError(
            f"'{_shown_name(query)}' has {shape.width:,} x {shape.height:,} pixels; at most {PIXELS:,} are decoded."
        )
    return query.content


def _embed_batch(model: Model, source: Sequence[Any]) -> list[Vector | Exception]:
    """The vector of every item in memory, or why it has none."""
    if not source:
        return []
    try:
        items = model.modality.open(list(source))
    except NothingLeft as nothing:
        return [_not_searchable(reason) for _, reason in nothing.skipped]
    rows, skipped = info_of(items).source_rows, iter(info_of(items).skipped)
    vectors = iter(model.directions(items))
    readable = set(range(len(source)) if rows is None else rows.tolist())
    return [
        next(vectors) if position in readable else _not_searchable(next(skipped)[1]) for position in range(len(source))
    ]


def _not_searchable(reason: str) -> InputError:
    return InputError(f"This cannot be searched for: {reason}.")


def _embed_file(model: Model, query: FileQuery) -> Vector:
    """The vector of the one item in a file, read by the readers of the modality.

    Raises:
        InputError: The file cannot be read, or holds several items.
    """
    suffix = next((each for each in sorted(FILES) if query.name.lower().endswith(each)), "")
    if not suffix:
        raise InputError(f"'{_shown_name(query)}' does not end as a file of data does, such as .npy, .csv or .txt.")
    with tempfile.TemporaryDirectory(prefix="counterpoint-") as folder:
        file = Path(folder, f"item{suffix}")
        file.write_bytes(query.content)
        try:
            vectors = model.directions(model.modality.open(file))
        except InputError as error:
            raise InputError(str(error).replace(str(file), _shown_name(query))) from error
    if len(vectors) != 1:
        raise InputError(f"'{_shown_name(query)}' holds {len(vectors):,} items; send a file with one.")
    vector: Vector = vectors[0]
    return vector


def _shown_name(query: FileQuery) -> str:
    """The name of an uploaded file in messages."""
    return visible(Path(query.name).name)[:80] or "The file"
