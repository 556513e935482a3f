"""What the server does with a collection: batched searches and encodings, explanations, cached slow results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from jaxtyping import Float32

from counterpoint import __version__
from counterpoint.data.subset import Subset
from counterpoint.embeddings import Embeddings, unit
from counterpoint.errors import InputError
from counterpoint.model import Model
from counterpoint.reports.run_contents import read_run
from counterpoint.reports.scores import scores
from counterpoint.retrieval.duplicates import duplicates as among_vectors
from counterpoint.retrieval.item_filters import matching
from counterpoint.retrieval.nearest import Hits
from counterpoint.retrieval.planted_copies import evidence
from counterpoint.serving import guard
from counterpoint.serving.batched_search import Query, search_batch
from counterpoint.serving.batching import BatchWorker
from counterpoint.serving.categories import Categories, by_cluster, by_column
from counterpoint.serving.collection import Collection
from counterpoint.serving.explaining import Pair, explain_pair, is_explainable
from counterpoint.serving.http_errors import NotAvailable
from counterpoint.serving.layout import cached_layout
from counterpoint.serving.pictures import Pictures
from counterpoint.serving.queries import FileQuery, TextQuery, Vector, accepts_text, vectors_of
from counterpoint.serving.result_cache import ResultCache
from counterpoint.serving.reviewing import Review

SEARCHES, ENCODINGS = 256, 64
"""Searches in one matrix product, and items in one pass through the network."""

MAX_SEARCHES, MAX_ENCODINGS, MAX_EXPLANATIONS = 4096, 2048, 16
"""Requests of each kind that may wait."""

TIMEOUT, SLOW_TIMEOUT = 30.0, 20.0
"""Seconds that a request waits for a search or an encoding, and for a result that is computed once and cached."""

MAX_RESULTS = 1000
"""Hits of a search, pairs of duplicates, and items of one request."""

CLUSTER = "cluster"
"""The name of the map's categories by k-means."""

UNIT = 65535
"""The longer side of the map, in whole numbers."""


class Service:
    """A collection that is served, and the review queue of its audit."""

    def __init__(self, collection: Collection, review: Review | None = None) -> None:
        self.collection, self.review = collection, review
        self.pictures = Pictures(collection)
        self._search: BatchWorker[Query, Hits] = BatchWorker(
            lambda queries: search_batch(collection.index, queries),
            max_batch=SEARCHES,
            max_queue=MAX_SEARCHES,
            timeout=TIMEOUT,
        )
        self._embed: BatchWorker[TextQuery | FileQuery, Vector] = BatchWorker(
            lambda queries: vectors_of(self._model(), queries),
            max_batch=ENCODINGS,
            max_queue=MAX_ENCODINGS,
            timeout=TIMEOUT,
        )
        self._explain: BatchWorker[Pair, Mapping[str, Any]] = BatchWorker(
            lambda pairs: [explain_pair(collection, pair) for pair in pairs],
            max_batch=1,
            max_queue=MAX_EXPLANATIONS,
            timeout=TIMEOUT,
        )
        self._cache = ResultCache(timeout=SLOW_TIMEOUT)

    def close(self) -> None:
        """Stop the threads."""
        for each in (self._search, self._embed, self._explain, self._cache):
            each.close()

    def _model(self) -> Model:
        if self.collection.model is None:
            raise InputError("There is no model here to embed with. Serve the run, or an index that remembers it.")
        return self.collection.model

    async def explain(self, a: str | int, b: str | int) -> Mapping[str, Any]:
        """Which parts of one item match which parts of another."""
        return await self._explain(Pair(self.collection.row(a), self.collection.row(b)))

    async def vector(self, query: TextQuery | FileQuery) -> Vector:
        """The unit vector of a text or of a file, as long as those of the index."""
        model = self._model()
        if isinstance(query, TextQuery) and not accepts_text(model):
            raise InputError(f"A model of the modality '{model.modality.name}' embeds no texts. Send a file.")
        vector = await self._embed(query)
        length = self.collection.index.length
        return vector if len(vector) == length else unit(vector[None, :length])[0]

    async def search_like(self, like: str | int, *, k: int, where: str | None) -> Hits:
        """The items most similar to one of them, by its name or row, or to a text."""
        index, model = self.collection.index, self.collection.model
        is_name = not isinstance(like, str) or index.find(like) is not None or like.isdecimal()
        if not is_name and model is not None and accepts_text(model):
            return await self.search(await self.vector(TextQuery(str(like))), k=k, where=where)
        row = self.collection.row(like)
        return await self._search(Query(index.vector(row), row, require_k(k), where))

    async def search(self, vector: Float32[np.ndarray, " d"], *, k: int, where: str | None) -> Hits:
        """The items most similar to a vector."""
        length = self.collection.index.length
        if vector.shape != (length,):
            raise InputError(f"A vector of this index has {length} numbers. Got {vector.size}.")
        if not np.isfinite(vector).all():
            raise InputError("The vector holds NaN or infinity; send finite numbers only.")
        return await self._search(Query(vector, None, require_k(k), where))

    def filter(self, where: str) -> list[int]:
        """The rows of all items that pass a filter."""
        mask, alive = matching(where, self.collection.index.columns), self.collection.index.alive
        rows: list[int] = np.flatnonzero(mask if alive is None else mask & alive).tolist()
        return rows

    async def layout(self) -> Mapping[str, Any]:
        """The map: x and y of every row in turn, in 65,535ths of its longer side; deleted items lie far outside."""
        collection = self.collection

        def compute() -> Mapping[str, Any]:
            layout = cached_layout(collection.vectors(), collection.folder)
            places = np.rint(layout.places * UNIT).astype(np.int64)
            if collection.index.alive is not None:
                places[~collection.index.alive] = -10 * UNIT
            return {"method": layout.method, "places": places.ravel().tolist()}

        record: Mapping[str, Any] = await self._cache("map", compute)
        return record

    async def categories(self, by: str) -> Mapping[str, Any]:
        """The category of every row on the map, by a column or by cluster."""
        collection = self.collection

        def compute() -> Categories:
            if by == CLUSTER:
                return by_cluster(collection.vectors(), collection.index.alive)
            return by_column(collection.column(by), collection.index.alive)

        categories: Categories = await self._cache(("categories", by), compute)
        record = {"names": categories.names, "counts": categories.counts}
        return {"by": by, **record, "categories": categories.number.tolist()}

    async def duplicates(self, *, threshold: float | None, precision: float) -> Mapping[str, Any]:
        """Pairs and groups of near-duplicates, the most similar first."""
        collection = self.collection

        def compute() -> Mapping[str, Any]:
            index, model, items = collection.index, collection.model, collection.items
            rows = np.arange(collection.rows) if index.alive is None else np.flatnonzero(index.alive)
            names = index.items.column("name").take(rows).to_pylist()
            z = Embeddings(np.asarray(collection.vectors()[rows]), names, index.model)
            places, copies = collection.places[rows], None
            if model is not None and items is not None and (places >= 0).all():
                with collection.reading:
                    copies = evidence(model, Subset(items, places))
            record = among_vectors(z, threshold=threshold, precision=precision, evidence=copies).record()
            return {**record, "pairs": record["pairs"][:MAX_RESULTS]}

        record: Mapping[str, Any] = await self._cache(("duplicates", threshold, precision), compute)
        return record

    def description(self) -> Mapping[str, Any]:
        """What is served, and which parts of the page apply to it."""
        collection, index = self.collection, self.collection.index
        return {
            "name": collection.name,
            "items": len(collection),
            "length": index.length,
            "backend": index.backend,
            "recall": index.recall,
            "modality": index.record["modality"],
            "model": index.model[:12],
            "version": __version__,
            "text": collection.model is not None and accepts_text(collection.model),
            "files": collection.model is not None,
            "pictures": collection.shows_pictures,
            "columns": collection.column_names(),
            "colours": [*collection.category_columns, CLUSTER],
            "explain": is_explainable(collection),
            "review": self.review is not None,
            "scores": collection.run is not None,
            "upload_limit": guard.UPLOAD,
        }

    def queue(self) -> Mapping[str, Any]:
        """The review queue, with the row of every item that is in the index."""
        return self._require_review().record(self.collection.index)

    def decide(self, item: str, decision: str | None) -> Mapping[str, Any]:
        """Store a decision about an item of the review queue."""
        return {"item": item, "decision": decision, "progress": self._require_review().decide(item, decision)}

    def _require_review(self) -> Review:
        if self.review is None:
            raise NotAvailable("There is no audit here. Start the server with its folder after --audit.")
        return self.review

    def verdict(self) -> Mapping[str, Any]:
        """The verdict of the run, and its scores beside their baselines."""
        if self.collection.run is None:
            raise NotAvailable("The run that made these vectors is not here.")
        run = read_run(self.collection.run)
        return {
            "headline": run.headline,
            "verdicts": run.verdicts,
            "scores": [asdict(each) for each in scores(run.evaluation)],
        }

    def cards(self, rows: str) -> list[dict[str, Any]]:
        """What the page shows of items, whose rows are separated by commas."""
        numbers = [each for each in rows.split(",") if each]
        if not all(each.isdecimal() and len(each) < 12 for each in numbers) or len(numbers) > MAX_RESULTS:
            raise InputError(f"Give at most {MAX_RESULTS:,} rows, separated by commas. Got '{rows[:60]}'.")
        return self.collection.cards([self.collection.row(int(each)) for each in numbers])


def require_k(k: int) -> int:
    """Refuse a number of results that is out of range.

    >>> require_k(10)
    10
    """
    if not 1 <= k <= MAX_RESULTS:
        raise InputError(f"k, the number of results, is from 1 to {MAX_RESULTS:,}. Got {k}.")
    return k
