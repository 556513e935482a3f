"""Queries of an index: the name or the row of an item, a vector, or a file or text that its model embeds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32

from counterpoint.errors import CounterpointError, InputError, RunError
from counterpoint.modality import parse_query
from counterpoint.model import Model, load
from counterpoint.retrieval.index import Index
from counterpoint.retrieval.index_building import Origin
from counterpoint.retrieval.nearest import Hits
from counterpoint.storage.files import is_file
from counterpoint.storage.seals import is_sealed

Like = str | int | np.ndarray


class Query(NamedTuple):
    """A vector, its name in the results, and its row if it is an item of the index."""

    vector: Float32[np.ndarray, " d"]
    name: str
    row: int | None = None


def preprocessing_of(model: Model) -> str:
    """A digest of the preprocessing of a model: the same weights with another one give other vectors."""
    settings = {name: value for name, value in model.modality.settings().items() if name != "views"}
    record = json.dumps([model.modality.name, settings], sort_keys=True, default=str)
    return hashlib.sha256(record.encode()).hexdigest()


def origin_of(model: Model, run: Path | None) -> Origin:
    """The origin of vectors that a model makes."""
    place = None if run is None else str(run.absolute())
    return Origin(model.fingerprint(), preprocessing_of(model), model.modality.name, place)


def require_same(index: Index, model: Model) -> None:
    """Refuse a model that did not make the vectors of an index.

    Raises:
        InputError: Its weights or its preprocessing differ.
    """
    fingerprint = model.fingerprint()
    if index.model != fingerprint:
        theirs = f"theirs is '{index.model[:12]}'" if index.model else "theirs is unknown"
        raise InputError(
            f"The vectors of '{index.folder}' were made by another model: {theirs}, and this is '{fingerprint[:12]}'. "
            "Give the run that made them, or build an index with this one."
        )
    if index.record["preprocessing"] not in ("", preprocessing_of(model)):
        raise InputError(
            f"The vectors of '{index.folder}' were made with the same weights, but with another preprocessing than "
            "that of this run. Give the run that made them, or build an index with this one."
        )


def remembered_model(index: Index, purpose: str) -> Model:
    """The model that an index was built with, from the run that its record names, if this user wrote that.

    ``purpose`` completes the message where there is none: "has no run to ...".

    Raises:
        RunError: The record names no run, was written elsewhere, or the run is missing or another model now.
    """
    run, sealed = index.record["run"], index.record["run_seal"]
    command = f"counterpoint search RUN {index.folder}, or counterpoint index RUN --out {index.folder}"
    if run is None or not is_sealed(sealed, run, index.model):
        why = "has no run" if run is None else "was built elsewhere, so the run that it names is not loaded"
        raise RunError(f"'{index.folder}' {why} to {purpose}. Name the run that made its vectors: {command} ...")
    try:
        model = load(run)
        require_same(index, model)
    except CounterpointError as wrong:
        raise RunError(
            f"The run '{run}' that made the vectors cannot be used: {wrong} Or name another copy: {command} ..."
        ) from wrong
    return model


def search_index(
    index: Index,
    like: Like | list[Any] | tuple[Any, ...],
    *,
    model: Model | None = None,
    k: int = 10,
    where: str | None = None,
) -> Hits | list[Hits]:
    """The items most similar to one query, or to each of several: a list of queries, or a file of several items.

    Raises:
        InputError: A query is neither an item nor a file or text of the modality, or the model did not make the
            vectors.
    """
    if model is not None:
        require_same(index, model)
    several = isinstance(like, list | tuple)
    likes = list(like) if isinstance(like, list | tuple) else [like]
    queries: list[Query] = []
    for each in likes:
        if isinstance(each, str) and model is None and _row_of(index, each) is None:
            model = remembered_model(index, f"embed '{each:.60}'")
        queries += _queries(index, model, each)
    if not queries:
        return []
    vectors, rows = np.stack([each.vector for each in queries]), [each.row for each in queries]
    hits = index.search(vectors, k, where, skip=rows)
    for query, result in zip(queries, hits, strict=True):
        result.query = query.name
    return hits if several or len(hits) > 1 else hits[0]


def _queries(index: Index, model: Model | None, like: Like) -> list[Query]:
    if isinstance(like, np.ndarray):
        if like.shape != (index.length,):
            raise InputError(
                f"A query must have the dimension of the index, {index.length}. Got an array of shape {like.shape}."
            )
        return [Query(like.astype(np.float32), "a vector")]
    row = _row_of(index, like)
    if row is not None:
        return [Query(index.vector(row), str(like), row)]
    if not isinstance(like, str):
        raise InputError(
            f"A query is the name or the row of an item, a file, a text or a vector. Got {type(like).__name__}."
        )
    assert model is not None
    query = like if is_file(like) else parse_query(model.modality, like)
    if query is None:
        index.row(like)  # raises: there is no such item
    z = model.embed(query)
    z = z if z.vectors.shape[1] == index.length else z.shortened(index.length)
    names = [like] if len(z) == 1 else [str(name) for name in z.names]
    return [Query(vector, name) for vector, name in zip(z.vectors, names, strict=True)]


def _row_of(index: Index, like: Like) -> int | None:
    """The row of a name or a row number; None for anything else."""
    if isinstance(like, int | np.integer):
        index.vector(int(like))  # raises where there is no such row
        return int(like)
    if not isinstance(like, str):
        return None
    row = index.find(like)
    return int(like) if row is None and like.isdecimal() and not is_file(like) else row
