"""What the server can do with a collection: three lanes of work, each a thread, and what is kept of slow work."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float32

from counterpoint import __version__
from counterpoint.errors import InputError
from counterpoint.model import Model
from counterpoint.retrieval.duplicates import duplicates as among_vectors
from counterpoint.retrieval.nearest import Hits
from counterpoint.retrieval.planted_copies import evidence
from counterpoint.serving import guard
from counterpoint.serving.batching import Lane
from counterpoint.serving.collection import Collection, grouped
from counterpoint.serving.layout import Layout, kept_layout
from counterpoint.serving.once import Once
from counterpoint.serving.pictures import Pictures
from counterpoint.serving.queries import Sent, Typed, Vector, takes_text, vectors_of
from counterpoint.serving.refusals import NotThere
from counterpoint.serving.scanning import Query, searched

SCANS, ENCODED = 256, 64
"""Searches in one product, and items in one pass through the network."""

SECONDS, PATIENCE = 30.0, 20.0
"""How long a request waits for an answer, and for what is computed once."""

MOST = 1000
"""Hits of a search, and pairs of duplicates, that are sent."""


class Service:
    """A collection that is being served."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.pictures = Pictures(collection)
        self._scan: Lane[Query, Hits] = Lane(
            lambda queries: searched(collection, queries), most=SCANS, waiting=4096, seconds=SECONDS
        )
        self._network: Lane[Typed | Sent, Vector] = Lane(
            lambda queries: vectors_of(self._model(), queries), most=ENCODED, waiting=2048, seconds=SECONDS
        )
        self._once = Once(seconds=PATIENCE)

    def close(self) -> None:
        """End the threads."""
        for each in (self._scan, self._network, self._once):
            each.close()

    def _model(self) -> Model:
        if self.collection.model is None:
            raise InputError("There is no model here that could embed anything: serve its run, or an index of it.")
        return self.collection.model

    async def vector(self, query: Typed | Sent) -> Vector:
        """The vector of a text or of a file."""
        self._model()
        return await self._network(query)

    async def like(self, like: str | int, *, k: int, where: str | None) -> Hits:
        """The items most alike to one of them, by its name or row, or to a text."""
        model = self.collection.model
        known = isinstance(like, int) or like in self.collection.z.places or like.isdecimal()
        if not known and model is not None and takes_text(model):
            return await self.near(await self.vector(Typed(str(like))), k=k, where=where)
        row = self.collection.row(like)
        return await self._scan(Query(self.collection.z.vectors[row], row, require_k(k), where))

    async def near(self, vector: Float32[np.ndarray, " d"], *, k: int, where: str | None) -> Hits:
        """The items most alike to a vector."""
        length = self.collection.z.vectors.shape[1]
        if vector.shape != (length,):
            raise InputError(f"A vector to look for has {length} numbers here. Got {vector.size}.")
        if not np.isfinite(vector).all():
            raise InputError("The vector to look for holds NaN or infinity; send finite numbers only.")
        return await self._scan(Query(vector, None, require_k(k), where))

    async def layout(self) -> Layout:
        """The map."""
        made: Layout = await self._once(
            "map", lambda: kept_layout(self.collection.z.vectors, self.collection.folder)
        )
        return made

    async def map_record(self) -> Mapping[str, Any]:
        """The map as a page draws it: places in 65,535ths, and the group of every item."""
        layout = await self.layout()
        return await asyncio.to_thread(self._map_record, layout)

    def _map_record(self, layout: Layout) -> Mapping[str, Any]:
        labels = self.collection.labels
        names, number, counts = ([], np.zeros(0, np.int64), []) if labels is None else grouped(labels)
        return {
            "method": layout.method,
            "places": np.rint(layout.places * 65535).astype(np.int64).ravel().tolist(),
            "groups": number.tolist(),
            "names": names,
            "counts": counts,
        }

    async def duplicates(self, *, threshold: float | None, precision: float) -> Mapping[str, Any]:
        """Pairs and groups of near-duplicates, of which copies are planted to learn from where items are at hand."""

        def compute() -> Mapping[str, Any]:
            held = self.collection
            with held.reading:
                known = evidence(held.model, held.items) if held.model and held.items else None
            record = among_vectors(held.z, threshold=threshold, precision=precision, known=known).record()
            return {**record, "pairs": record["pairs"][:MOST]}

        result: Mapping[str, Any] = await self._once(("duplicates", threshold, precision), compute)
        return result

    def facts(self) -> Mapping[str, Any]:
        """What a page has to know of what is served."""
        held = self.collection
        return {
            "name": held.name,
            "items": len(held),
            "length": int(held.z.vectors.shape[1]),
            "modality": None if held.model is None else held.model.modality.name,
            "model": held.z.model[:12],
            "version": __version__,
            "text": held.model is not None and takes_text(held.model),
            "files": held.model is not None,
            "pictures": held.shows_pictures,
            "labels": held.labels is not None,
            "limit": guard.UPLOAD,
        }

    def cards(self, rows: str) -> list[dict[str, Any]]:
        """What is shown of some items, whose rows are named with commas between."""
        named = [each for each in rows.split(",") if each]
        if not all(each.isdecimal() for each in named) or len(named) > MOST:
            raise NotThere(f"Items are named by at most {MOST:,} rows with commas between. Got '{rows[:60]}'.")
        return self.collection.cards([self.collection.row(int(each)) for each in named])


def require_k(k: int) -> int:
    """How many to find, where that can be."""
    if not 1 <= k <= MOST:
        raise InputError(f"k, how many to find, is from 1 to {MOST:,}. Got {k}.")
    return k
