"""The verb ``search``: the items most similar to an item, a vector, a file or a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

import numpy as np

from counterpoint.embeddings import Embeddings, is_saved
from counterpoint.errors import InputError
from counterpoint.interfaces import Items, info_of
from counterpoint.modality import open_column
from counterpoint.model import Model, load
from counterpoint.retrieval.index import Index
from counterpoint.retrieval.index_queries import search_index
from counterpoint.retrieval.index_record import is_index
from counterpoint.retrieval.nearest import Hits
from counterpoint.retrieval.nearest import search as nearest_to
from counterpoint.setup.progress import embedding
from counterpoint.setup.queries import Outside, meaning
from counterpoint.verbs.verb import verb

Query = str | int | np.ndarray


@overload
def search(
    model: Model | Embeddings | Index | str | Path,
    source: object = None,
    *,
    like: Query,
    k: int = 10,
    column: str | None = None,
    where: str | None = None,
    quiet: bool = False,
) -> Hits: ...
@overload
def search(
    model: Model | Embeddings | Index | str | Path,
    source: object = None,
    *,
    like: list[Any] | tuple[Any, ...],
    k: int = 10,
    column: str | None = None,
    where: str | None = None,
    quiet: bool = False,
) -> list[Hits]: ...
@verb()
def search(
    model: Model | Embeddings | Index | str | Path,
    source: object = None,
    *,
    like: Query | list[Any] | tuple[Any, ...],
    k: int = 10,
    column: str | None = None,
    where: str | None = None,
    quiet: bool = False,
) -> Hits | list[Hits]:
    """The k items of a source most similar to one of them, to the item in a file, to a text or to a vector.

    Args:
        model: A model or a run folder; or an index, which is searched without a model, as embeddings are:
            ``search(z, like=...)``.
        source: Data as for ``embed``, an index, or embeddings, or the .npz file or the folder that they are saved in.
            For an index and for embeddings only ``like`` is embedded.
        like: The name or the row of an item, a vector (d,), a file with one item, or, for texts, a text; or a list of
            several of those. For an index a file may hold several items.
        k: The number of results.
        column: For a model of text, the column to search in, such as ``answer``.
        where: A filter on the items of an index, such as ``price < 20 and kind == 'shoe'``.
        quiet: Print nothing.

    Returns:
        The hits, most similar first, with their ``text`` where texts were searched; for a list, a list of hits.

    Raises:
        InputError: The vectors are from another model; there is no such column; or the filter cannot be read.
    """
    index = _index_of(model, source)
    if index is not None:
        if column is not None:
            raise InputError(
                "An index is searched without --column: the column is chosen when it is built. Leave it out."
            )
        return search_index(index, like, model=None if source is None else _model(model), k=k, where=where)
    if where is not None:
        raise InputError("--where filters the items of an index. Build one: counterpoint index RUN SOURCE --out IDX.")
    several = isinstance(like, list | tuple)
    queries: Sequence[Query] = like if isinstance(like, list | tuple) else [like]
    texts: Sequence[str] | None = None
    if isinstance(model, Embeddings):
        if source is not None or column is not None:
            raise InputError("Embeddings are searched by themselves. Give the model first: search(model, z, like=...).")
        z = model
    elif source is None or isinstance(model, Index):
        raise InputError(f"Search looks through embeddings: embed the data first. Got {type(model).__name__}.")
    else:
        kept = _model(model)
        z, texts = _searched(kept, source, column)
        queries = [_sought(kept, z, source, each) for each in queries]
    hits = [_with_texts(nearest_to(z, like=each, k=k), texts) for each in queries]
    return hits if several else hits[0]


def _index_of(model: Model | Embeddings | Index | str | Path, source: object) -> Index | None:
    """The index to search in, given alone or after a run; None for any other source."""
    place = model if source is None else source
    if isinstance(place, Index):
        return place
    return Index.open(str(place)) if is_index(place) else None


def _model(model: Model | Embeddings | Index | str | Path) -> Model:
    if isinstance(model, Embeddings | Index) or is_index(model):
        name = f"'{model}'" if isinstance(model, str | Path) else type(model).__name__
        raise InputError(f"Give a model or a run first, and then the index or the data. Got {name}.")
    return model if isinstance(model, Model) else load(model)


def _with_texts(hits: Hits, texts: Sequence[str] | None) -> Hits:
    return hits if texts is None else Hits(replace(hit, text=texts[hit.index]) for hit in hits)


def _searched(model: Model, source: object, column: str | None) -> tuple[Embeddings, Sequence[str] | None]:
    """The vectors to search in, loaded or made from a source, and their texts, if they have any."""
    if not (isinstance(source, Embeddings) or is_saved(source)):
        items = _open(model, source, column)
        return model.embed_items(items, tell=embedding()), info_of(items).texts
    if column is not None:
        raise InputError(
            f"Vectors have no columns. Name '{column}' when they are made: counterpoint embed ... --column {column}"
        )
    z = source if isinstance(source, Embeddings) else Embeddings.load(str(source))
    if z.model != (model_hash := model.fingerprint()):
        raise InputError(
            f"The vectors were made by another model: theirs is '{z.model[:12]}', and this is '{model_hash[:12]}'. "
            "Embed the data with this one, or give the run that made them."
        )
    return z, None


def _open(model: Model, source: object, column: str | None) -> Items:
    return model.open(source) if column is None else open_column(model.modality, source, column)


def _sought(model: Model, z: Embeddings, source: object, like: Query) -> Query:
    """The query of ``like``: the name or the row of an item, or the vector of a new one."""
    if not isinstance(like, str):
        return like
    meant = meaning(like, z.names, source, model.modality)
    if not isinstance(meant, Outside):
        return meant
    others = model.embed(meant.source)
    if len(others) != 1:
        raise InputError(f"'{like}' holds {len(others)} items; give a file with the one to look for.")
    vector: np.ndarray = others.shortened(z.vectors.shape[1]).vectors[0]
    return vector
