"""The verb ``serve``: a page in the browser and an HTTP interface, to search, look, review and ask why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from counterpoint.data.labels import read_class_ids
from counterpoint.embeddings import Embeddings, is_saved
from counterpoint.errors import InputError, counted
from counterpoint.interfaces import Items
from counterpoint.model import Model, load
from counterpoint.runs import run_folder
from counterpoint.serving.collection import Collection
from counterpoint.serving.server import access_to, address, bound, require_packages, run
from counterpoint.setup.progress import console, embedding
from counterpoint.storage.files import expanded
from counterpoint.verbs.verb import verb


@verb()
def serve(
    model: Model | Embeddings | str | Path,
    source: object = None,
    *,
    labels: object = None,
    host: str = "127.0.0.1",
    port: int = 8765,
    quiet: bool = False,
) -> None:
    """Serve a page and an HTTP interface for a collection, until the process is stopped: search, map, review, why.

    Args:
        model: A model or a run folder, whose items are embedded first; or an index or embeddings, or where they are
            saved.
        source: The items themselves, as for ``embed``: of a run what to serve, its own data when left out; of an index
            what to show.
        labels: Colour the map, as for ``evaluate``; those of the index or of the source when left out.
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
        collection = _collection(model, source, labels)
        from counterpoint.serving.routes import application
        from counterpoint.serving.service import Service

        app = application(Service(collection), access)
        run(app, listening, lambda: _announce(collection, address(host, port, access.token)))


def _announce(collection: Collection, url: str) -> None:
    console().print(f"{collection.name}: {counted(len(collection), 'item')} at {url}  (Ctrl-C ends it)", markup=False)


def _collection(model: Model | Embeddings | str | Path, source: object, labels: object) -> Collection:
    """What is to be served, with whatever is at hand of its items."""
    if isinstance(model, Embeddings) or is_saved(model):
        z = model if isinstance(model, Embeddings) else Embeddings.load(str(model))
        return Collection(_name_of(model), z)
    run = None if isinstance(model, Model) else expanded(model)
    kept = model if isinstance(model, Model) else load(model)
    if source is None:
        if run is None:
            raise InputError("A model has no data of its own. Name what to serve: serve(model, source).")
        source = run_folder.source_of(run)
    items = kept.open(source)
    named = _labels(labels, source, items)
    z = kept.embed_items(items, tell=embedding())
    return Collection(_name_of(model), z, kept, items, named, run, run)


def _labels(spec: object, source: object, items: Items) -> Sequence[str] | None:
    if spec is None and items.labels is None:
        return None
    return read_class_ids(spec, source, items).names()


def _name_of(model: object) -> str:
    return expanded(model).resolve().name if isinstance(model, str | Path) else type(model).__name__
