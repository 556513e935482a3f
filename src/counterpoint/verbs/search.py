"""The verb ``search``: the items most alike to one of them, to a vector, or to what a file or a text holds."""

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
from counterpoint.retrieval.nearest import Hits
from counterpoint.retrieval.nearest import search as nearest_to
from counterpoint.setup.progress import embedding
from counterpoint.setup.queries import Outside, meaning
from counterpoint.verbs.verb import verb

Query = str | int | np.ndarray


@overload
def search(
    model: Model | Embeddings | str | Path,
    source: object = None,
    *,
    like: Query,
    k: int = 10,
    column: str | None = None,
    quiet: bool = False,
) -> Hits: ...
@overload
def search(
    model: Model | Embeddings | str | Path,
    source: object = None,
    *,
    like: list[Any] | tuple[Any, ...],
    k: int = 10,
    column: str | None = None,
    quiet: bool = False,
) -> list[Hits]: ...
@verb()
def search(
    model: Model | Embeddings | str | Path,
    source: object = None,
    *,
    like: Query | list[Any] | tuple[Any, ...],
    k: int = 10,
    column: str | None = None,
    quiet: bool = False,
) -> Hits | list[Hits]:
    """The k items of a source most alike to one of them, to the item in a file, to a text or to a vector.

    Args:
        model: A model or a run folder. Embeddings are searched by themselves, ``search(z, like=...)``.
        source: Data as for ``embed``, or an index of vectors: embeddings, or the .npz file or the folder that they are
            saved in. Of an index nothing is embedded but what ``like`` means.
        like: The name or the row of an item, a vector (d,), a file with one item, or, among texts, a text; or a list of
            several of those.
        k: How many to find.
        column: Of a model of text, the column to search in, such as ``answer``.
        quiet: Print nothing.

    Returns:
        The hits, most alike first, with their ``text`` where texts were searched; of a list the hits of each.

    Raises:
        InputError: The index is of another model; the column is not there, or items have none.
    """
    several = isinstance(like, list | tuple)
    queries: Sequence[Query] = like if isinstance(like, list | tuple) else [like]
    texts: Sequence[str] | None = None
    if isinstance(model, Embeddings):
        if source is not None or column is not None:
            raise InputError("Embeddings are searched by themselves. Give the model first: search(model, z, like=...).")
        z = model
    elif source is None:
        raise InputError(f"Search looks through embeddings: embed the data first. Got {type(model).__name__}.")
    else:
        kept = model if isinstance(model, Model) else load(model)
        z, texts = _searched(kept, source, column)
        queries = [_sought(kept, z, source, each) for each in queries]
    hits = [_with_texts(nearest_to(z, like=each, k=k), texts) for each in queries]
    return hits if several else hits[0]


def _with_texts(hits: Hits, texts: Sequence[str] | None) -> Hits:
    return hits if texts is None else Hits(replace(hit, text=texts[hit.index]) for hit in hits)


def _searched(model: Model, source: object, column: str | None) -> tuple[Embeddings, Sequence[str] | None]:
    """The vectors to search in, as they are saved or made of a source, and the texts that they are of, if of any."""
    if not (isinstance(source, Embeddings) or is_saved(source)):
        items = _open(model, source, column)
        return model.embed_items(items, tell=embedding()), info_of(items).texts
    if column is not None:
        raise InputError(
            f"Vectors have no columns. Name '{column}' when they are made: counterpoint embed ... --column {column}"
        )
    z = source if isinstance(source, Embeddings) else Embeddings.load(str(source))
    if z.model != (own := model.fingerprint()):
        raise InputError(
            f"The vectors were made by another model: theirs is '{z.model[:12]}', and this is '{own[:12]}'. "
            "Embed the data with this one, or give the run that made them."
        )
    return z, None


def _open(model: Model, source: object, column: str | None) -> Items:
    return model.open(source) if column is None else open_column(model.modality, source, column)


def _sought(model: Model, z: Embeddings, source: object, like: Query) -> Query:
    """What ``like`` means: the name or the row of an item, or the vector of one that is not among them."""
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
