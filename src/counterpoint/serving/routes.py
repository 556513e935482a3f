"""The FastAPI application: the HTTP API, and the static files of the page that uses it."""

# No `from __future__ import annotations`: FastAPI evaluates those of the routes, which name classes imported inside
# functions.

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from counterpoint import __version__, reports
from counterpoint.errors import InputError
from counterpoint.serving.guard import Access, Guard
from counterpoint.serving.queries import FileQuery, TextQuery
from counterpoint.serving.requests import (
    DecisionRequest,
    DuplicatesRequest,
    EmbedRequest,
    ExplainRequest,
    SearchRequest,
)
from counterpoint.serving.responses import add_error_handlers, json_response
from counterpoint.serving.service import Service

if TYPE_CHECKING:
    from fastapi import FastAPI

PAGE = Path(__file__).parent / "page"

TOKENS = Path(reports.__file__).parent / "tokens.css"
"""The colours that the page shares with reports."""

TEXTS = 1000
"""Texts of one request."""


def application(service: Service, access: Access) -> "FastAPI":
    """The application that serves a collection to requests with access."""
    from fastapi import FastAPI

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(
        title="Counterpoint",
        version=__version__,
        description="Search, duplicates, explanations and review of one collection.",
        docs_url=None,  # loads scripts from a CDN
        redoc_url=None,
        lifespan=lifespan,
    )
    add_error_handlers(app)
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
        """The k items most similar to an item, a text or a vector, most similar first."""
        if (request.like is None) == (request.vector is None):
            raise InputError("Send either 'like', an item or a text, or 'vector', and not both.")
        if request.like is not None:
            hits = await service.search_like(request.like, k=request.k, where=request.where)
        else:
            vector = np.asarray(request.vector, dtype=np.float32)
            hits = await service.search(vector, k=request.k, where=request.where)
        return json_response({"hits": hits.record()})

    @app.post("/search/file")
    async def search_file(request: Request, name: str = "", k: int = 10, where: str | None = None) -> Response:
        """The k items most similar to the item in a file, which is the body of the request."""
        vector = await service.vector(FileQuery(await request.body(), name))
        return json_response({"hits": (await service.search(vector, k=k, where=where)).record()})

    @app.post("/embed")
    async def embed(request: EmbedRequest) -> Response:
        """The unit vector of every text."""
        if not 1 <= len(request.texts) <= TEXTS:
            raise InputError(f"From 1 to {TEXTS:,} texts are embedded at a time. Got {len(request.texts):,}.")
        vectors = await asyncio.gather(*[service.vector(TextQuery(text)) for text in request.texts])
        return json_response({"vectors": [each.tolist() for each in vectors], "model": service.collection.index.model})

    @app.post("/embed/file")
    async def embed_file(request: Request, name: str = "") -> Response:
        """The unit vector of the item in a file, which is the body of the request."""
        vector = await service.vector(FileQuery(await request.body(), name))
        return json_response({"vector": vector.tolist(), "model": service.collection.index.model})

    @app.post("/duplicates")
    async def duplicates(request: DuplicatesRequest) -> Response:
        """Pairs and groups of near-duplicates, most similar first, each pair with its probability."""
        return json_response(await service.duplicates(threshold=request.threshold, precision=request.precision))

    @app.post("/explain")
    async def explain(request: ExplainRequest) -> Response:
        """Which parts of one item match which parts of another, with the R2 of the explanation."""
        return json_response(await service.explain(request.a, request.b))


def _add_items(app: "FastAPI", service: Service) -> None:
    from fastapi import Response

    @app.get("/health")
    async def health() -> Response:
        """Answers when the server is ready."""
        return json_response({"status": "ok", "items": len(service.collection)})

    @app.get("/collection")
    async def collection() -> Response:
        """What is served, and which requests apply to it."""
        return json_response(service.description())

    @app.get("/items")
    def items(rows: str) -> Response:
        """Name, label, text, picture and columns of items, whose rows are separated by commas."""
        return json_response(service.cards(rows))

    @app.get("/items/row")
    def row(name: str) -> Response:
        """The row of an item, by its name or its row."""
        return json_response({"row": service.collection.row(name)})

    @app.get("/items/{row}/picture")
    def picture(row: int, side: int = 256) -> Response:
        """The picture of an item as WebP, with at most about ``side`` pixels on its longer side."""
        shown = service.pictures(row, side)
        return Response(shown, media_type="image/webp", headers={"cache-control": "private, max-age=3600"})

    @app.get("/filter")
    async def filtered(where: str) -> Response:
        """The rows of all items that pass a filter."""
        rows = await asyncio.to_thread(service.filter, where)
        return json_response({"rows": rows})


def _add_views(app: "FastAPI", service: Service) -> None:
    from fastapi import Response

    @app.get("/map")
    async def layout() -> Response:
        """The map: x and y of every row in turn, in 65,535ths of its longer side."""
        return json_response(await service.layout())

    @app.get("/map/categories")
    async def categories(by: str) -> Response:
        """The category of every row, by a column of the index or by cluster."""
        return json_response(await service.categories(by))

    @app.get("/audit")
    def audit() -> Response:
        """The review queue of the audit, with the decisions so far."""
        return json_response(service.queue())

    @app.post("/audit/decision")
    def decide(request: DecisionRequest) -> Response:
        """Accept that an item of the queue has an issue, reject it, or undo the decision with null."""
        return json_response(service.decide(request.item, request.decision))

    @app.get("/run")
    def run() -> Response:
        """The verdict of the run, and its scores beside their baselines."""
        return json_response(service.verdict())


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
