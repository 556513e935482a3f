"""The application: what can be requested over HTTP, and the page that requests it."""

# Annotations are evaluated here: those of the routes name classes of a package that is imported inside a function.

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from counterpoint import __version__, reports
from counterpoint.errors import InputError
from counterpoint.serving.answers import answer, answer_errors
from counterpoint.serving.guard import Access, Guard
from counterpoint.serving.queries import Sent, Typed
from counterpoint.serving.requests import (
    DecisionRequest,
    DuplicatesRequest,
    EmbedRequest,
    ExplainRequest,
    SearchRequest,
)
from counterpoint.serving.service import Service

if TYPE_CHECKING:
    from fastapi import FastAPI

PAGE = Path(__file__).parent / "page"

TOKENS = Path(reports.__file__).parent / "tokens.css"
"""The colours that pages and reports share."""

TEXTS = 1000
"""Texts of one request."""


def application(service: Service, access: Access) -> "FastAPI":
    """The application that serves a collection to those who have access."""
    from fastapi import FastAPI

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(
        title="Counterpoint",
        version=__version__,
        description="Search, duplicates, explanations and review of one collection.",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    answer_errors(app)
    _add_search(app, service)
    _add_items(app, service)
    _add_views(app, service)
    _add_page(app)
    app.add_middleware(Guard, access=access)
    return app


def _add_search(app: "FastAPI", service: Service) -> None:
    from fastapi import Request, Response

    @app.post("/search")
    async def search(request: SearchRequest) -> Response:
        """The k items most alike to an item, a text or a vector."""
        if (request.like is None) == (request.vector is None):
            raise InputError("Send either 'like', an item or a text, or 'vector'.")
        if request.like is not None:
            hits = await service.like(request.like, k=request.k, where=request.where)
        else:
            vector = np.asarray(request.vector, dtype=np.float32)
            hits = await service.near(vector, k=request.k, where=request.where)
        return answer({"hits": hits.record()})

    @app.post("/search/file")
    async def search_file(request: Request, name: str = "", k: int = 10, where: str | None = None) -> Response:
        """The k items most alike to the one in a file, which is the body of the request."""
        vector = await service.vector(Sent(await request.body(), name))
        return answer({"hits": (await service.near(vector, k=k, where=where)).record()})

    @app.post("/embed")
    async def embed(request: EmbedRequest) -> Response:
        """The unit vector of every text."""
        if not 1 <= len(request.texts) <= TEXTS:
            raise InputError(f"From 1 to {TEXTS:,} texts are embedded at a time. Got {len(request.texts):,}.")
        vectors = await asyncio.gather(*[service.vector(Typed(text)) for text in request.texts])
        return answer({"vectors": [each.tolist() for each in vectors], "model": service.collection.index.model})

    @app.post("/embed/file")
    async def embed_file(request: Request, name: str = "") -> Response:
        """The unit vector of the item in a file, which is the body of the request."""
        vector = await service.vector(Sent(await request.body(), name))
        return answer({"vector": vector.tolist(), "model": service.collection.index.model})

    @app.post("/duplicates")
    async def duplicates(request: DuplicatesRequest) -> Response:
        """Pairs and groups of near-duplicates, the closest first, each pair with its probability."""
        return answer(await service.duplicates(threshold=request.threshold, precision=request.precision))

    @app.post("/explain")
    async def explain(request: ExplainRequest) -> Response:
        """Which part of one item goes with which part of another, and how far to trust that."""
        return answer(await service.explain(request.a, request.b))


def _add_items(app: "FastAPI", service: Service) -> None:
    from fastapi import Response

    @app.get("/health")
    async def health() -> Response:
        """Whether the server answers."""
        return answer({"status": "ok", "items": len(service.collection)})

    @app.get("/collection")
    async def collection() -> Response:
        """What is served, and what can be done with it."""
        return answer(service.facts())

    @app.get("/items")
    def items(rows: str) -> Response:
        """What is shown of some items, whose rows stand with commas between."""
        return answer(service.cards(rows))

    @app.get("/items/row")
    def row(name: str) -> Response:
        """The row of an item, by its name or its number."""
        return answer({"row": service.collection.row(name)})

    @app.get("/items/{row}/picture")
    def picture(row: int, side: int = 256) -> Response:
        """The picture of an item, no longer than about ``side`` pixels."""
        shown = service.pictures(row, side)
        return Response(shown, media_type="image/webp", headers={"cache-control": "private, max-age=3600"})

    @app.get("/filter")
    async def filtered(where: str) -> Response:
        """The rows of all items that a filter leaves."""
        rows = await asyncio.to_thread(service.filtered, where)
        return answer({"rows": rows})


def _add_views(app: "FastAPI", service: Service) -> None:
    from fastapi import Response

    @app.get("/map")
    async def layout() -> Response:
        """The place of every item on the map: x and y by turns, in 65,535ths of its longer side."""
        return answer(await service.layout())

    @app.get("/map/groups")
    async def groups(by: str) -> Response:
        """The group of every item, by a column of the index or by cluster."""
        return answer(await service.groups(by))

    @app.get("/audit")
    def audit() -> Response:
        """The queue of the audit, with what was decided."""
        return answer(service.queue())

    @app.post("/audit/decision")
    def decide(request: DecisionRequest) -> Response:
        """Accept that an item of the queue has an issue, reject that, or take it back with null."""
        return answer(service.decide(request.item, request.decision))

    @app.get("/run")
    def run() -> Response:
        """The verdict of the run, and its scores beside their baselines."""
        return answer(service.verdict())


def _add_page(app: "FastAPI") -> None:
    from starlette.responses import FileResponse
    from starlette.staticfiles import StaticFiles

    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html", headers={"cache-control": "no-cache"})

    async def tokens() -> FileResponse:
        return FileResponse(TOKENS, media_type="text/css")

    app.add_api_route("/", page, include_in_schema=False)
    app.add_api_route("/page/tokens.css", tokens, include_in_schema=False)
    app.mount("/page", StaticFiles(directory=PAGE))
