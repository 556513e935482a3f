"""Answers of the server: JSON, and for what goes wrong one sentence, as ``--json`` of the shell has it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from counterpoint.errors import InputError
from counterpoint.serving.refusals import NotThere, Refused

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

LOG = logging.getLogger("counterpoint")

FAULT = "Something went wrong that is not in your request. The terminal of the server says more."


def answer(record: Any, *, status: int = 200) -> Response:
    """A record as JSON. Made by hand: what is not known to a library it does not have to search for."""
    from starlette.responses import Response

    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Response(text.encode("utf-8", "backslashreplace"), status, media_type="application/json")


def refusal(wrong: InputError) -> Response:
    """What went wrong, with its status; a connection whose body was not read is closed."""
    status = wrong.status if isinstance(wrong, Refused) else 422
    message = {"error": {"kind": type(wrong).__name__, "message": " ".join(str(wrong).split())}}
    response = answer(message, status=status)
    if status in (408, 413):
        response.headers["connection"] = "close"
    if status == 503:
        response.headers["retry-after"] = "1"
    return response


def answer_errors(app: FastAPI) -> None:
    """Let an application answer whatever goes wrong with one sentence."""
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException

    async def refused(_: Request, wrong: Exception) -> Response:
        assert isinstance(wrong, InputError)
        return refusal(wrong)

    async def misread(_: Request, wrong: Exception) -> Response:
        assert isinstance(wrong, RequestValidationError)
        return refusal(InputError(misfit(wrong.errors()[0])))

    async def stopped(request: Request, wrong: Exception) -> Response:
        assert isinstance(wrong, HTTPException)
        if wrong.status_code == 404:
            return refusal(NotThere(f"There is nothing at '{request.url.path[:80]}'."))
        message = f"'{request.url.path[:80]}' cannot be used so: {wrong.detail}."
        return answer({"error": {"kind": "Refused", "message": message}}, status=wrong.status_code)

    async def failed(_: Request, wrong: Exception) -> Response:
        LOG.error("A request could not be answered.", exc_info=wrong)
        return answer({"error": {"kind": type(wrong).__name__, "message": FAULT}}, status=500)

    app.add_exception_handler(InputError, refused)
    app.add_exception_handler(RequestValidationError, misread)
    app.add_exception_handler(HTTPException, stopped)
    app.add_exception_handler(Exception, failed)


def misfit(fault: dict[str, Any]) -> str:
    """What is wrong with a field of a request.

    >>> misfit({"type": "int_parsing", "loc": ("body", "k"), "msg": "Input should be a valid integer", "input": "a"})
    "'k' should be a valid integer. Got 'a'."
    """
    if fault["type"] == "json_invalid":
        return "The body of the request is not JSON."
    named = ".".join(str(each) for each in fault["loc"][1:3]) or "The body of the request"
    expected = str(fault["msg"]).removeprefix("Input ").lower() if "Input" in fault["msg"] else "is not as expected"
    if fault["type"] == "missing":
        return f"'{named}' is missing."
    return f"'{named}' {expected}. Got {repr(fault.get('input'))[:60]}."
