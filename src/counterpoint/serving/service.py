"""What the server can do with a collection: lanes of work, each a thread, and what is kept of slow work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from jaxtyping import Float32

from counterpoint import __version__
from counterpoint.embeddings import Embeddings
from counterpoint.errors import InputError
from counterpoint.model import Model
from counterpoint.reports.run_contents import read_run
from counterpoint.reports.scores import scores
from counterpoint.retrieval.duplicates import duplicates as among_vectors
from counterpoint.retrieval.item_filters import matching
from counterpoint.retrieval.nearest import Hits
from counterpoint.retrieval.planted_copies import evidence
from counterpoint.serving import guard
from counterpoint.serving.batching import Lane
from counterpoint.serving.collection import Collection
from counterpoint.serving.explaining import Pair, explained_pair, has_parts
from counterpoint.serving.groups import Groups, by_cluster, by_column
from counterpoint.serving.layout import Layout, kept_layout
from counterpoint.serving.once import Once
from counterpoint.serving.pictures import Pictures
from counterpoint.serving.queries import Sent, Typed, Vector, takes_text, vectors_of
from counterpoint.serving.refusals import NotThere
from counterpoint.serving.reviewing import Review
from counterpoint.serving.scanning import Query, searched

SCANS, ENCODED = 256, 64
"""Searches in one product, and items in one pass through the network."""

SECONDS, PATIENCE = 30.0, 20.0
"""How long a request waits for an answer, and for what is computed once."""

MOST = 1000
"""Hits of a search, and pairs of duplicates, that are sent."""

CLUSTER = "cluster"
"""The name of the groups that are there where nothing is known of the items."""

UNIT = 65535
"""The longer side of the map, as whole numbers."""


class Service:
    """A collection that is being served, and the queue of its audit."""

    def __init__(self, collection: Collection, review: Review | None = None) -> None:
        self.collection, self.review = collection, review
        self.pictures = Pictures(collection)
        self._scan: Lane[Query, Hits] = Lane(
            lambda queries: searched(collection.index, queries), most=SCANS, waiting=4096, seconds=SECONDS
        )
        self._network: Lane[Typed | Sent | Pair, Any] = Lane(self._encoded, most=ENCODED, waiting=2048, seconds=SECONDS)
        self._once = Once(seconds=PATIENCE)

    def close(self) -> None:
        """End the threads."""
        for each in (self._scan, self._network, self._once):
            each.close()

    def _model(self) -> Model:
        if self.collection.model is None:
            raise InputError("There is no model here that could embed anything: serve its run, or an index made here.")
        return self.collection.model

    def _encoded(self, queries: Sequence[Typed | Sent | Pair]) -> list[Any]:
        """Vectors, of those that come together at once, and explanations, one after another."""
        single = [query for query in queries if not isinstance(query, Pair)]
        vectors = iter(vectors_of(self._model(), single))
        return [
            explained_pair(self.collection, query) if isinstance(query, Pair) else next(vectors) for query in queries
        ]

    async def explain(self, a: str | int, b: str | int) -> Mapping[str, Any]:
        """Which part of one item goes with which part of another."""
        self._model()
        pair = Pair(self.collection.row(a), self.collection.row(b))
        explained: Mapping[str, Any] = await self._network(pair)
        return explained

    async def vector(self, query: Typed | Sent) -> Vector:
        """The vector of a text or of a file."""
        model = self._model()
        if isinstance(query, Typed) and not takes_text(model):
            raise InputError(f"A model of the kind '{model.modality.name}' embeds no texts. Send a file.")
        vector: Vector = await self._network(query)
        length = self.collection.index.length
        return vector if len(vector) == length else _shortened(vector, length)

    async def like(self, like: str | int, *, k: int, where: str | None) -> Hits:
        """The items most alike to one of them, by its name or row, or to a text."""
        index, model = self.collection.index, self.collection.model
        typed = isinstance(like, str) and index.find(like) is None and not like.isdecimal()
        if typed and model is not None and takes_text(model):
            return await self.near(await self.vector(Typed(str(like))), k=k, where=where)
        row = self.collection.row(like)
        return await self._scan(Query(index.vector(row), row, require_k(k), where))

    async def near(self, vector: Float32[np.ndarray, " d"], *, k: int, where: str | None) -> Hits:
        """The items most alike to a vector."""
        length = self.collection.index.length
        if vector.shape != (length,):
            raise InputError(f"A vector to look for has {length} numbers here. Got {vector.size}.")
        if not np.isfinite(vector).all():
            raise InputError("The vector to look for holds NaN or infinity; send finite numbers only.")
        return await self._scan(Query(vector, None, require_k(k), where))

    def filtered(self, where: str) -> list[int]:
        """The rows that a filter leaves."""
        mask, alive = matching(where, self.collection.index.columns), self.collection.index.alive
        rows: list[int] = np.flatnonzero(mask if alive is None else mask & alive).tolist()
        return rows

    async def layout(self) -> Mapping[str, Any]:
        """The map as a page draws it: a place for every row, in 65,535ths; deleted items lie far outside."""
        held = self.collection

        def compute() -> Mapping[str, Any]:
            made: Layout = kept_layout(held.vectors(), held.folder)
            places = np.rint(made.places * UNIT).astype(np.int64)
            if held.index.alive is not None:
                places[~held.index.alive] = -10 * UNIT
            return {"method": made.method, "places": places.ravel().tolist()}

        record: Mapping[str, Any] = await self._once("map", compute)
        return record

    async def groups(self, by: str) -> Mapping[str, Any]:
        """The groups of the map by a column, or clusters."""
        held = self.collection

        def compute() -> Groups:
            if by == CLUSTER:
                return by_cluster(held.vectors(), held.index.alive)
            return by_column(held.column(by), held.index.alive)

        groups: Groups = await self._once(("groups", by), compute)
        return {"by": by, "names": groups.names, "counts": groups.counts, "groups": groups.number.tolist()}

    async def duplicates(self, *, threshold: float | None, precision: float) -> Mapping[str, Any]:
        """Pairs and groups of near-duplicates, the closest first."""
        held = self.collection

        def compute() -> Mapping[str, Any]:
            alive = np.arange(held.rows) if held.index.alive is None else np.flatnonzero(held.index.alive)
            names = held.index.items.column("name").take(alive).to_pylist()
            z = Embeddings(np.asarray(held.vectors()[alive]), names, held.index.model)
            copies = None if held.model is None or held.items is None else evidence(held.model, held.items)
            record = among_vectors(z, threshold=threshold, precision=precision, evidence=copies).record()
            return {**record, "pairs": record["pairs"][:MOST]}

        result: Mapping[str, Any] = await self._once(("duplicates", threshold, precision), compute)
        return result

    def facts(self) -> Mapping[str, Any]:
        """What a page has to know of what is served."""
        held, model = self.collection, self.collection.model
        return {
            "name": held.name,
            "items": len(held),
            "length": held.index.length,
            "backend": held.index.backend,
            "recall": held.index.recall,
            "modality": held.index.record["modality"],
            "model": held.index.model[:12],
            "version": __version__,
            "text": model is not None and takes_text(model),
            "files": model is not None,
            "pictures": held.shows_pictures,
            "columns": held.column_names(),
            "colours": [*(name for name in held.column_names() if name not in ("name", "text")), CLUSTER],
            "explain": has_parts(held),
            "review": self.review is not None,
            "scores": held.run is not None,
            "limit": guard.UPLOAD,
        }

    def queue(self) -> Mapping[str, Any]:
        """The queue of the audit, with the row of every item that is in the index."""
        return self._review().record(self.collection.index)

    def decide(self, item: str, decision: str | None) -> Mapping[str, Any]:
        """Keep a decision about an item of the queue."""
        return {"item": item, "decision": decision, "state": self._review().decide(item, decision)}

    def _review(self) -> Review:
        if self.review is None:
            raise NotThere("There is no audit here. Name the folder of one with --audit when the server is started.")
        return self.review

    def verdict(self) -> Mapping[str, Any]:
        """What is known of the run: whether it is of use, how the training went, its scores beside their baselines."""
        if self.collection.run is None:
            raise NotThere("The run that made these vectors is not at hand.")
        run = read_run(self.collection.run)
        return {
            "headline": run.headline,
            "verdicts": run.verdicts,
            "scores": [asdict(each) for each in scores(run.evaluation)],
        }

    def cards(self, rows: str) -> list[dict[str, Any]]:
        """What is shown of some items, whose rows are named with commas between."""
        named = [each for each in rows.split(",") if each]
        if not all(each.isdecimal() and len(each) < 12 for each in named) or len(named) > MOST:
            raise InputError(f"Items are named by at most {MOST:,} rows with commas between. Got '{rows[:60]}'.")
        return self.collection.cards([self.collection.row(int(each)) for each in named])


def require_k(k: int) -> int:
    """How many to find, where that can be."""
    if not 1 <= k <= MOST:
        raise InputError(f"k, how many to find, is from 1 to {MOST:,}. Got {k}.")
    return k


def _shortened(vector: Vector, length: int) -> Vector:
    """The first numbers of a vector, for an index of shortened ones."""
    part: Vector = vector[:length] / max(float(np.linalg.norm(vector[:length])), 1e-12)
    return part
