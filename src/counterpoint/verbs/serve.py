"""The verb ``serve``: a page in the browser and an HTTP API for one collection."""

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
from counterpoint.serving.server import access_for, bind, require_packages, run, url
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
    """Serve a page and an HTTP API for a collection: search, map, review queue, explanations. Ctrl-C stops it.

    Args:
        model: An index, which is served at once; a model or a run folder, whose items are embedded first; or
            embeddings, or the file or folder that they are saved in.
        source: Data as for ``embed``. For a run, the items to serve, its own data when left out; for an index, the data
            that it was built from, to show pictures of the items.
        labels: As for ``evaluate``: categories that colour the map. An index has its own.
        audit: The folder of an audit, whose queue is reviewed on the page.
        host: The address to listen at. One that other machines can reach needs a token, which is printed.
        port: The port to listen at; 0 takes any free one.
        quiet: Print nothing.

    Raises:
        InputError: The port is taken, there is nothing to serve, or the data does not fit the model.
        MissingPackage: The extra ``serve`` is not installed.
    """
    require_packages()
    with bind(host, port) as listening:  # before anything slow, so that a taken port is reported at once
        port = listening.getsockname()[1]
        access = access_for(host, port)
        review = None if audit is None else Review(expanded(audit))
        with open_collection(model, source, labels) as collection:
            from counterpoint.serving.routes import application
            from counterpoint.serving.service import Service

            message = f"{collection.name}: {counted(len(collection), 'item')} at {url(host, port, access.token)}"
            app = application(Service(collection, review), access)
            run(app, listening, lambda: console().print(f"{message}  (Ctrl-C stops it)", markup=False))


@contextmanager
def open_collection(
    model: Model | Embeddings | Index | str | Path, source: object, labels: object
) -> Iterator[Collection]:
    """The collection to serve; of a model or embeddings, a temporary index is built.

    Raises:
        InputError: There is nothing to serve, or the data does not fit the model.
    """
    if isinstance(model, Index) or is_index(model):
        if labels is not None:
            raise InputError("An index has the labels that it was built with. Leave --labels out, or build it again.")
        yield _of_index(model if isinstance(model, Index) else Index.open(str(model)), source)
        return
    path = expanded(model) if isinstance(model, str | Path) else None
    loaded = load(path) if path is not None and (path / run_folder.CONFIG).is_file() else model
    if labels is not None and not isinstance(loaded, Model):
        raise InputError(
            "Embeddings are served with the labels that they have. Leave --labels out, or serve their run."
        )
    with tempfile.TemporaryDirectory(prefix="counterpoint-") as folder:
        out = Path(folder, "index")
        if isinstance(loaded, Model):
            yield _of_model(loaded, path, source, labels, out)
        else:
            yield Collection(_name(model, path), build(loaded, source, out=out))


def _of_model(model: Model, run: Path | None, source: object, labels: object, out: Path) -> Collection:
    """The items of a source, embedded now."""
    if source is None:
        if run is None:
            raise InputError("A model has no data of its own. Name what to serve: serve(model, source).")
        source = run_folder.source_of(run)
    items = model.open(source)
    part = Part(model.directions(items, tell=embedding()), table_of_items(items, source, labels))
    index = create(out, [part], origin_of(model, run))
    return Collection(_name(model, run), index, model, items, run, run)


def _name(model: object, path: Path | None) -> str:
    return type(model).__name__ if path is None else path.resolve().name


def _of_index(index: Index, source: object) -> Collection:
    """An index with its model, if it remembers one, and with its items, if the source is named."""
    name = index.folder.resolve().name
    try:
        model = remembered_model(index, "embed queries")
    except InputError as error:
        if source is not None:
            raise
        LOG.warning("Queries must be items or vectors, since texts and files cannot be embedded. %s", error)
        return Collection(name, index, folder=index.folder)
    items = None if source is None else model.open(source)
    collection = Collection(name, index, model, items, Path(str(index.record["run"])), index.folder)
    if items is not None and not (collection.places >= 0).any():
        indexed = index.about([0])[0]["name"]
        raise InputError(
            f"No item of the source is in '{index.folder}': names there are such as '{indexed}', and here "
            f"'{items.names[0]}'. Name the data that the index was built from."
        )
    return collection
