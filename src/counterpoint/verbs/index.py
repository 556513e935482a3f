"""The verb ``index``: builds a folder of vectors to search in, with names, labels, groups and metadata; changes one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from counterpoint.data.groups import of_later
from counterpoint.data.vectors import is_vectors, read_vectors
from counterpoint.embeddings import Embeddings, is_saved, origin, parts_in
from counterpoint.errors import InputError, RunError, UnknownName, closest, listed
from counterpoint.model import Model, load
from counterpoint.retrieval import index_building
from counterpoint.retrieval.index import Index
from counterpoint.retrieval.index_building import Origin, Part
from counterpoint.retrieval.index_queries import origin_of, remembered_model, require_same
from counterpoint.retrieval.index_record import is_index, require_free
from counterpoint.retrieval.index_segments import BACKENDS
from counterpoint.retrieval.item_table import table_of_items, table_of_names
from counterpoint.setup.progress import embedding
from counterpoint.storage.files import expanded
from counterpoint.storage.mapped_arrays import MappedArray
from counterpoint.verbs.verb import verb

CHOICES = ("auto", *BACKENDS)

BLOCK = 2**18
"""Vectors read at once from a file."""


@verb()
def index(
    model: Model | Embeddings | Index | str | Path,
    source: object = None,
    *,
    out: str | Path | None = None,
    add: object = None,
    delete: str | Sequence[str] = (),
    labels: object = None,
    groups: object = None,
    backend: str = "auto",
    quiet: bool = False,
) -> Index:
    """Build an index of all items of a source, to search in; or add items to an index and delete others.

    The index stores the vectors with names, labels, groups, texts and the columns of the source, by which a search can
    be filtered. Its recall@10 against exact search is measured when it is built.

    Args:
        model: A model or a run folder; or embeddings, or the file or folder that they are saved in. To change an index,
            the index itself, or the run that made it and the index as ``out``.
        source: Data as for ``embed``; or embeddings that the model made.
        out: The folder of the index.
        add: A source of items to add, or their embeddings; nothing else is embedded.
        delete: Names of items to delete.
        labels: As for ``evaluate``: stored with the items. The source's own when left out.
        groups: As for ``evaluate``: stored with the items.
        backend: auto, exact, scan or faiss; auto is exact below 200,000 vectors, and scan from there on.
        quiet: Print nothing.

    Raises:
        InputError: The folder holds an index already, or none to change; a name is repeated, or does not exist; the
            vectors are from another model; or another process is writing to the index.
    """
    if backend not in CHOICES:
        raise UnknownName(
            f"There is no backend called '{backend}'.{closest(backend, CHOICES)} Choose one of {listed(CHOICES)}."
        )
    names = [delete] if isinstance(delete, str) else list(delete)
    if add is None and not names:
        if isinstance(model, Index) or is_index(model):
            raise InputError(
                "This is an index already. Name what to --add or --delete, or search in it: counterpoint search IDX."
            )
        if out is None:
            raise InputError("Name a folder for the index: --out=IDX.")
        return _built(model, source, expanded(out), labels, groups, backend)
    if source is not None:
        raise InputError("To change an index, give items with --add, and no other source.")
    return _changed(model, out, add, names, labels, groups)


def _built(
    model: Model | Embeddings | Index | str | Path,
    source: object,
    out: Path,
    labels: object,
    groups: object,
    backend: str,
) -> Index:
    if isinstance(model, Index):
        raise InputError("An index is built from a model and data, or from embeddings. Got an Index.")
    if out.is_dir():
        require_free(out)  # before anything is embedded
    if is_vectors(model):
        if source is not None:
            raise InputError(
                "Embeddings are indexed without a source. Leave it out, or give the run that made them in front."
            )
        _require_source(labels, groups)
        return index_building.create(out, _parts(model), Origin(_maker(model)), backend=backend)
    if source is None:
        name = type(model).__name__ if isinstance(model, Model) else f"'{model}'"
        raise InputError(
            f"Give a run with its data, or embeddings: counterpoint index RUN SOURCE --out IDX. Got only {name}."
        )
    kept = model if isinstance(model, Model) else load(str(model))
    origin = origin_of(kept, None if isinstance(model, Model) else expanded(str(model)))
    return index_building.create(out, _embedded(kept, source, labels, groups), origin, backend=backend)


def _changed(
    model: Model | Embeddings | Index | str | Path,
    out: str | Path | None,
    add: object,
    names: Sequence[str],
    labels: object,
    groups: object,
) -> Index:
    changed = model if isinstance(model, Index) or is_index(model) else out
    if changed is None:
        raise InputError("Name the index to change: counterpoint index IDX, or --out=IDX after the run.")
    before = changed if isinstance(changed, Index) else Index.open(str(changed))
    if changed is model and out is not None and expanded(out) != before.folder:
        raise InputError(f"An index is changed in place. Leave out --out={out}, or copy the folder first.")
    if add is None:
        return index_building.change(before.folder, deleted=names)
    kept = None if changed is model else _model(model)
    return index_building.change(before.folder, added=list(_added(before, kept, add, labels, groups)), deleted=names)


def _added(index: Index, model: Model | None, add: object, labels: object, groups: object) -> Iterator[Part]:
    """The items to add: embedded, or embeddings of the model of the index."""
    if model is not None:
        require_same(index, model)
    if not _are_vectors(add):
        model = remembered_model(index, "embed the added items") if model is None else model
        return _embedded(model, add, labels, groups)
    if _maker(add) != index.model:
        raise InputError(
            f"The vectors were made by another model: theirs is '{_maker(add)[:12]}', and that of the index is "
            f"'{index.model[:12]}'. Embed them with the run that made the index."
        )
    _require_source(labels, groups)
    return _parts(add)


def _require_source(labels: object, groups: object) -> None:
    """Refuse labels and groups that cannot be matched to items, as embeddings come without their source."""
    if labels is not None or groups is not None:
        raise InputError(
            "--labels and --groups are for data that a run embeds: counterpoint index RUN SOURCE --out IDX. Leave them "
            "out for embeddings."
        )


def _model(model: Model | Embeddings | Index | str | Path) -> Model:
    if isinstance(model, Embeddings | Index):
        raise InputError(f"To change an index, give it or the run that made it first. Got {type(model).__name__}.")
    return model if isinstance(model, Model) else load(str(model))


def _are_vectors(source: object) -> bool:
    """Whether a source is embeddings or their files; arrays are items to be embedded."""
    return isinstance(source, Embeddings) or (isinstance(source, str | Path) and is_saved(source))


def _embedded(model: Model, source: object, labels: object, groups: object) -> Iterator[Part]:
    """The vectors of a source and the table of its items."""
    if _are_vectors(source):
        if _maker(source) != model.fingerprint():
            raise InputError(
                f"The vectors were made by another model: theirs is '{_maker(source)[:12]}', and this is "
                f"'{model.fingerprint()[:12]}'. Embed the data with this one, or give the run that made them."
            )
        _require_source(labels, groups)
        yield from _parts(source)
        return
    items = of_later(model.open(source), model.modality, source, groups)
    table = table_of_items(items, source, labels)
    yield Part(model.directions(items, tell=embedding()), table)


def _parts(vectors: object) -> Iterator[Part]:
    """The vectors of embeddings or of files; folders are read file by file, and an .npy is mapped."""
    if isinstance(vectors, str | Path) and expanded(vectors).is_dir():
        for file in parts_in(expanded(vectors)):
            yield from _parts(file)
        return
    if isinstance(vectors, str | Path) and expanded(vectors).suffix.lower() == ".npy":
        yield from _mapped(expanded(vectors))
        return
    read = read_vectors(vectors)
    yield Part(read.vectors, table_of_names(read.rows.names, labels=read.rows.labels, groups=read.rows.groups))


def _mapped(file: Path) -> Iterator[Part]:
    """The vectors of an .npy, which may be larger than the memory; their names are row numbers."""
    try:
        mapped = MappedArray(file, "<f4", (None, None))
    except RunError:  # another type, or a damaged file, which ``read_vectors`` reports
        vectors = read_vectors(file).vectors
        yield Part(vectors, table_of_names(pa.array(np.arange(len(vectors)))))
        return
    for start in range(0, len(mapped.array), BLOCK):
        block = mapped.array[start : start + BLOCK]
        yield Part(block, table_of_names(pa.array(np.arange(start, start + len(block)))))
        mapped.touched(block.nbytes)
    mapped.release()


def _maker(vectors: object) -> str:
    """The fingerprint of the model that made embeddings; empty where unknown."""
    if isinstance(vectors, Embeddings):
        return vectors.model
    if not isinstance(vectors, str | Path) or not is_saved(vectors):
        return ""
    path = expanded(vectors)
    makers = {origin(file)[0] for file in (parts_in(path) if path.is_dir() else [path])}
    if len(makers) > 1:
        raise InputError(f"'{path}' holds vectors of {len(makers)} different models. Embed all with one model.")
    return makers.pop()
