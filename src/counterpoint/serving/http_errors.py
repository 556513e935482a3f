"""Errors that the server answers with an HTTP status of their own; any other ``InputError`` is answered with 422."""

from __future__ import annotations

from typing import ClassVar

from counterpoint.errors import InputError


class HTTPError(InputError):
    """A request that is refused; its message is the one sentence of the response."""

    status: ClassVar[int] = 400


class Unauthorized(HTTPError):
    """The request has no token, or a wrong one."""

    status = 401


class Forbidden(HTTPError):
    """The request comes from another site, or under a host name that is not this server's."""

    status = 403


class NotAvailable(HTTPError):
    """What is requested does not exist, or is not offered by this server."""

    status = 404


class RequestTimeout(HTTPError):
    """The body of the request did not arrive in time."""

    status = 408


class TooLarge(HTTPError):
    """The body of the request exceeds the limit."""

    status = 413


class Busy(HTTPError):
    """The queue is full, or the result is not ready in time."""

    status = 503
