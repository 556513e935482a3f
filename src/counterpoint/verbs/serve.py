"""The verb ``serve``: a page in the browser and an HTTP interface, to search, look, review and ask why."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from counterpoint.embeddings import Embeddings
from counterpoint.errors import InputError, counted
from counterpoint.model import LOG, Model, load
from counterpoint.retrieval.index import Index
from counterpoint.retrieval.index_building import Part, create
from counterpoint.retrieval.index_queries import origin_of, remembered_model
from counterpoint.retrieval.index_record import is_index
from counterpoint.retrieval.item_table import table_of_items
from counterpoint.runs import run_folder
from counterpoint.serving.collection import Collection
from counterpoint.serving.reviewing import Review
from counterpoint.serving.server import access_to, address, bound, require_packages, run
from counterpoint.setup.progress import console, embedding
from counterpoint.storage.files import expanded
from counterpoint.verbs.index import index as build
from counterpoint.verbs.verb import verb


@verb()
def serve(
    model: Model | Embeddings | Index | str | Path,
    source: object = None,
    *,
    labels: object = None,
    audit: str | Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8765,
    quiet: bool = False,
) -> None:
    """Serve a page and an HTTP interface for a collection until it is stopped: search, map, review, why.

    Args:
        model: A model or a run folder, whose items are embedded first; or an index, which is there at once; or
            embeddings, or where they are saved.
        source: The items themselves, as for ``embed``. Of a run: what to serve, its own data when left out. Of an
            index: what it was made of, to show pictures.
        labels: As for ``evaluate``: they colour the map. An index has its own.
        audit: The folder of an audit, whose queue is to be reviewed.
        host: Where to listen. Any address but one of this machine alone needs a token, which is made and printed.
        port: Of that address; 0 takes one that is free.
        quiet: Print nothing.

    Raises:
        InputError: The address is taken, there is nothing to serve, or data does not fit it.
        MissingPackage: The extra ``serve`` is not installed.
    """
    require_packages()
    with bound(host, port) as listening:  # before anything slow: a taken port is said at once
        port = listening.getsockname()[1]
        access = access_to(host, port)
        review = None if audit is None else Review(expanded(audit))
        with _collection(model, source, labels) as collection:
            from counterpoint.serving.routes import application
            from counterpoint.serving.service import Service

            url = address(host, port, access.token)
            run(application(Service(collection, review), access), listening, lambda: _announce(collection, url))


def _announce(collection: Collection, url: str) -> None:
    console().print(f"{collection.name}: {counted(len(collection), 'item')} at {url}  (Ctrl-C ends it)", markup=False)


@contextmanager
def _collection(model: Model | Embeddings | Index | str | Path, source: object, labels: object) -> Iterator[Collection]:
    """What is to be served: an index, or one that is made for it and removed afterwards."""
    if isinstance(model, Index) or is_index(model):
        if labels is not None:
            raise InputError("An index has the labels that it was made with. Leave --labels out, or make it anew.")
        yield _of_index(model if isinstance(model, Index) else Index.open(str(model)), source)
        return
    path = expanded(model) if isinstance(model, str | Path) else None
    kept = load(path) if path is not None and (path / run_folder.CONFIG).is_file() else model
    if isinstance(kept, Model) and source is None:
        if path is None:
            raise InputError("A model has no data of its own. Name what to serve: serve(model, source).")
        source = run_folder.source_of(path)
    with tempfile.TemporaryDirectory(prefix="counterpoint-") as folder:
        out, name = Path(folder, "index"), path.resolve().name if path is not None else type(model).__name__
        if not isinstance(kept, Model):
            yield Collection(name, build(kept, source, out=out, labels=labels))
            return
        items = kept.open(source)
        part = Part(kept.directions(items, tell=embedding()), table_of_items(items, source, labels))
        yield Collection(name, create(out, [part], origin_of(kept, path)), kept, items, path, path)


def _of_index(index: Index, source: object) -> Collection:
    """An index with the model that it remembers, where that is at hand, and with its items, where they are named."""
    name = index.folder.resolve().name
    try:
        model = remembered_model(index, "embed what is searched for")
    except InputError as wrong:
        if source is not None:
            raise
        LOG.warning("Nothing can be embedded here, so only items are searched for. %s", wrong)
        return Collection(name, index, folder=index.folder)
    items = None if source is None else model.open(source)
    remembered = Path(str(index.record["run"]))
    return Collection(name, index, model, items, remembered, index.folder)
