"""From what a request holds, a text or a file, to the vector that is searched for. The network runs in one thread."""

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
"""The largest picture that is taken from a request, 8,192 x 8,192: a small file may hold a large one."""

Vector = Float32[np.ndarray, " d"]


class Typed(NamedTuple):
    """An item that somebody has typed."""

    text: str


class Sent(NamedTuple):
    """An item in a file that somebody has sent, and what the file is called."""

    content: bytes
    name: str


def takes_text(model: Model) -> bool:
    """Whether items of this model can be typed."""
    return parse_query(model.modality, "text") is not None


def vectors_of(model: Model, queries: Sequence[Typed | Sent]) -> list[Vector | Exception]:
    """The vector of every query, or why it has none; texts and pictures that come together are encoded together."""
    answers: list[Vector | Exception] = [InputError("It could not be read.")] * len(queries)
    together: dict[int, Any] = {}
    for place, query in enumerate(queries):
        try:
            if isinstance(query, Typed):
                together[place] = query.text
            elif (picture := _picture(model, query)) is not None:
                together[place] = picture
            else:
                answers[place] = _of_file(model, query)
        except InputError as wrong:
            answers[place] = wrong
    for place, answer in zip(together, _of_items(model, list(together.values())), strict=True):
        answers[place] = answer
    return answers


def _picture(model: Model, query: Sent) -> bytes | None:
    """The bytes of a picture, of a model of pictures; None of another model.

    Raises:
        InputError: They are no picture, or one that is too large.
    """
    if not isinstance(model.modality, ShowsPictures):
        return None
    try:
        shape = header(io.BytesIO(query.content))
    except Exception as wrong:  # decoders meet damaged bytes, and those of something else, with any exception there is
        raise InputError(f"'{_called(query)}' is no picture that can be read.") from wrong
    if shape.height * shape.width > PIXELS:
        raise InputError(
            f"'{_called(query)}' has {shape.width:,} x {shape.height:,} pixels; at most {PIXELS:,} are read."
        )
    return query.content


def _of_items(model: Model, source: Sequence[Any]) -> list[Vector | Exception]:
    """Of items that are in memory the vector of each, or why it has none."""
    if not source:
        return []
    try:
        items = model.modality.open(list(source))
    except NothingLeft as nothing:
        return [InputError(f"This cannot be searched for: {reason}.") for _, reason in nothing.skipped]
    rows, skipped = info_of(items).source_rows, iter(info_of(items).skipped)
    vectors = iter(model.directions(items))
    kept = set(range(len(source)) if rows is None else rows.tolist())
    return [
        next(vectors) if place in kept else InputError(f"This cannot be searched for: {next(skipped)[1]}.")
        for place in range(len(source))
    ]


def _of_file(model: Model, query: Sent) -> Vector:
    """The vector of the one item in a file, which is read as one on disk is."""
    suffix = next((each for each in sorted(FILES) if query.name.lower().endswith(each)), "")
    if not suffix:
        raise InputError(f"'{_called(query)}' does not end as a file of data does, such as .npy, .csv or .txt.")
    with tempfile.TemporaryDirectory(prefix="counterpoint-") as folder:
        file = Path(folder, f"item{suffix}")
        file.write_bytes(query.content)
        try:
            items = model.modality.open(file)
            vectors = model.directions(items)
        except InputError as wrong:
            raise InputError(str(wrong).replace(str(file), _called(query))) from wrong
    if len(vectors) != 1:
        raise InputError(f"'{_called(query)}' holds {len(vectors):,} items; send a file with the one to look for.")
    vector: Vector = vectors[0]
    return vector


def _called(query: Sent) -> str:
    return visible(Path(query.name).name)[:80] or "The file"
