"""Access control and limits of a request, before the application sees it.

A page of another site, open in the same browser, must not reach a server on this machine. It could rebind its own host
name to 127.0.0.1 (DNS rebinding), so the ``Host`` header is checked; or send a request from its own origin (CSRF), so
``Origin`` and ``Sec-Fetch-Site`` are checked. Programs send neither, and are let through.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from counterpoint.serving.http_errors import Busy, Forbidden, HTTPError, RequestTimeout, TooLarge, Unauthorized
from counterpoint.serving.responses import error_response

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""Host names of a server that listens on the loopback interface."""

JSON, UPLOAD, IN_FLIGHT = 2**22, 2**25, 2**28
"""Bytes of the largest JSON body, of the largest file, and of all bodies in memory at once."""

TIMEOUT = 30.0
"""Seconds in which a body has to arrive."""

FILES = "/file"
"""The end of the paths that accept a file."""

HEADERS = {
    b"content-security-policy": b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
}
"""Headers of every response: nothing is loaded from elsewhere, no inline script runs, no other site frames the page."""


class Access(NamedTuple):
    """The accepted host names, None for any; the token, empty if none is needed; and the name of its cookie."""

    hosts: frozenset[str] | None
    token: str
    cookie: str = "counterpoint"


class Guard:
    """ASGI middleware: refuses requests without access or above a limit, passes on the others with their whole body."""

    def __init__(self, app: App, access: Access, *, timeout: float = TIMEOUT) -> None:
        self._app, self._access, self._timeout = app, access, timeout
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        secured = _with_headers(send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        limit = UPLOAD if scope["path"].endswith(FILES) else JSON
        size = 0
        try:
            if await self._authorize(scope, headers, secured):
                return
            size = self._reserved(headers, limit)
            body = await self._body(receive, limit)
            await self._app(scope, _replayed(body, receive), secured)
        except HTTPError as error:
            if isinstance(error, TooLarge) and not size and "expect" not in headers:
                await self._drain(receive)  # a client with "Expect: 100-continue" sends no body before it may
            await error_response(error)(scope, receive, secured)
        finally:
            self._in_flight -= size

    async def _authorize(self, scope: Scope, headers: Mapping[str, str], send: Send) -> bool:
        """Refuse a request without access; exchange a token in the address for a cookie, and then return True."""
        require_same_site(scope["method"], headers, self._access.hosts)
        token, cookie = self._access.token, self._access.cookie
        if not token:
            return False
        query = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if query and scope["method"] == "GET" and _same(query, token):
            cookie_header = f"{cookie}={token}; Path=/; HttpOnly; SameSite=Lax".encode("latin-1")
            response_headers = [(b"location", b"/"), (b"set-cookie", cookie_header)]
            await send({"type": "http.response.start", "status": 303, "headers": response_headers})
            await send({"type": "http.response.body", "body": b""})
            return True
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if not (_same(bearer, token) or _same(_cookie(headers.get("cookie", ""), cookie), token)):
            raise Unauthorized(
                "This server needs its token: open the address that it printed, or send the header "
                "'Authorization: Bearer TOKEN'."
            )
        return False

    def _reserved(self, headers: Mapping[str, str], limit: int) -> int:
        """Reserve memory for the declared size of the body, or for the limit if it is not declared."""
        declared = headers.get("content-length", "")
        size = int(declared) if declared.isdecimal() else limit if "transfer-encoding" in headers else 0
        if size > limit:
            raise TooLarge(f"A request has at most {limit:,} bytes here. Got {size:,}.")
        if self._in_flight + size > IN_FLIGHT:
            raise Busy("Too many files are being sent at once. Try again in a moment.")
        self._in_flight += size
        return size

    async def _body(self, receive: Receive, limit: int) -> bytes:
        """The whole body of a request."""
        pieces, size, more = [], 0, True
        try:
            async with asyncio.timeout(self._timeout):
                while more and size <= limit:
                    event = await receive()
                    if event["type"] == "http.disconnect":
                        raise RequestTimeout("The connection was closed before the whole request had arrived.")
                    pieces.append(event.get("body", b""))
                    size += len(pieces[-1])
                    more = event.get("more_body", False)
        except TimeoutError:
            message = f"The request did not arrive within {self._timeout:g} seconds. Send it again."
            raise RequestTimeout(message) from None
        if size > limit:
            if more:
                await self._drain(receive)
            raise TooLarge(f"A request has at most {limit:,} bytes here, and this one has more.")
        return b"".join(pieces)

    async def _drain(self, receive: Receive) -> None:
        """Discard the rest of a body: most clients read no response before they have sent all of it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timeout):
                while (event := await receive())["type"] == "http.request" and event.get("more_body", False):
                    pass


def require_same_site(method: str, headers: Mapping[str, str], hosts: frozenset[str] | None) -> None:
    """Refuse a request with a foreign host name, or from a page of another site.

    >>> require_same_site("GET", {"host": "127.0.0.1:8765"}, frozenset(LOOPBACK))
    >>> require_same_site("GET", {"host": "evil.example"}, frozenset(LOOPBACK))
    Traceback (most recent call last):
    counterpoint.serving.http_errors.Forbidden: This server is not 'evil.example'. Open the address that it printed.
    """
    host = headers.get("host", "")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    if hosts is not None and name.lower() not in hosts:
        raise Forbidden(f"This server is not '{name[:80]}'. Open the address that it printed.")
    writes = method not in ("GET", "HEAD")
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    navigates = headers.get("sec-fetch-mode") == "navigate" and not writes  # a link to the page
    foreign_origin = writes and origin is not None and origin.partition("://")[2] != host
    if foreign_origin or (site not in ("same-origin", "none") and not navigates):
        raise Forbidden("Pages of other sites may not use this server.")


def _same(received: str, token: str) -> bool:
    return hmac.compare_digest(received.encode("utf-8", "replace"), token.encode("utf-8"))


def _cookie(header: str, name: str) -> str:
    try:
        cookie = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return "" if cookie is None else cookie.value


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A body that was read already, as an ASGI channel."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            present = {name.lower() for name, _ in headers}
            headers += [(name, value) for name, value in HEADERS.items() if name not in present]
            message = {**message, "headers": headers}
        await send(message)

    return send_with_headers
