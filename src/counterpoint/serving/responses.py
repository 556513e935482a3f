"""JSON responses. An error is ``{"error": {"kind", "message"}}`` with one sentence, as ``--json`` of the commands."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from counterpoint.errors import InputError
from counterpoint.serving.http_errors import HTTPError, NotAvailable

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

LOG = logging.getLogger("counterpoint")

INTERNAL_ERROR = "Something went wrong that is not in your request. The terminal of the server says more."

SHOWN = 80
"""Characters of a path or value that a message repeats."""


def json_response(record: Any, *, status: int = 200) -> Response:
    """A record as JSON. Not FastAPI's own encoder, which walks through every number of a long list."""
    from starlette.responses import Response

    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Response(text.encode("utf-8", "backslashreplace"), status, media_type="application/json")


def error_response(error: InputError) -> Response:
    """The message of an error with its status. A connection whose body was not read to the end is closed."""
    status = error.status if isinstance(error, HTTPError) else 422
    response = _error(type(error).__name__, " ".join(str(error).split()), status)
    if status in (408, 413):
        response.headers["connection"] = "close"
    if status == 503:
        response.headers["retry-after"] = "1"
    return response


def _error(kind: str, message: str, status: int) -> Response:
    return json_response({"error": {"kind": kind, "message": message}}, status=status)


def add_error_handlers(app: FastAPI) -> None:
    """Answer every exception with one sentence; those that are our fault are logged with their traceback."""
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException

    async def on_input_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, InputError)
        return error_response(error)

    async def on_validation_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return error_response(InputError(validation_message(error.errors()[0])))

    async def on_http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        path = request.url.path[:SHOWN]
        if error.status_code == 404:
            return error_response(NotAvailable(f"There is nothing at '{path}'."))
        return _error("HTTPError", f"'{path}' does not accept {request.method}: {error.detail}.", error.status_code)

    async def on_internal_error(_: Request, error: Exception) -> Response:
        LOG.error("A request could not be answered.", exc_info=error)
        return _error(type(error).__name__, INTERNAL_ERROR, 500)

    app.add_exception_handler(InputError, on_input_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(Exception, on_internal_error)


def validation_message(error: dict[str, Any]) -> str:
    """One sentence for an error of pydantic.

    >>> error = {"type": "int_parsing", "loc": ("body", "k"), "msg": "Input should be an integer", "input": "a"}
    >>> validation_message(error)
    "'k' should be an integer. Got 'a'."
    """
    place, field = error["loc"], ".".join(str(each) for each in error["loc"][1:3])
    if error["type"] == "json_invalid":
        return "The body of the request is not JSON."
    if place == ("body",):
        return "The body of the request must be a JSON object, with the header 'content-type: application/json'."
    if error["type"] == "missing":
        return f"'{field}' is missing."
    if error["type"] == "unexpected_keyword_argument":
        return f"The request has no field '{field[:SHOWN]}'; see /openapi.json."
    expected = str(error["msg"]).removeprefix("Input ").lower() if "Input" in error["msg"] else "is not as expected"
    return f"'{field}' {expected}. Got {repr(error.get('input'))[:SHOWN]}."
