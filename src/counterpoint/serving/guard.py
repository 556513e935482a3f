"""Who may talk to the server, how much they may send, and how long that may take: before anything is answered.

A page of another site that somebody has open must not reach a server on this machine. It could do so by a name that
it has rebound to 127.0.0.1 (DNS rebinding), so the name by which the server was reached is looked at; or by a request
from its own origin, so POST is taken from this server's own pages, and from programs, only.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from counterpoint.serving.answers import refusal
from counterpoint.serving.refusals import Busy, Foreign, Refused, TooBig, TooSlow, Unknown

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""The names by which a server is reached that only this machine can reach."""

JSON, UPLOAD, FLIGHT = 2**22, 2**25, 2**28
"""Bytes of a body: of JSON, of a file, and of all that are held at once."""

ARRIVING = 30.0
"""Seconds that a body may take to arrive."""

FILES = "/file"
"""How the paths end that take a file."""

HEADERS = {
    b"content-security-policy": b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
}
"""Of every answer: pages load nothing from elsewhere, run no script of a name or a text, and are framed by nobody."""


class Access(NamedTuple):
    """Who may come in: the names by which the server is reached, None for any; and the token, empty without one."""

    hosts: frozenset[str] | None
    token: str
    cookie: str = "counterpoint"


class Guard:
    """Stands before an application and hands on what may come in, its body whole."""

    def __init__(self, app: App, access: Access, *, seconds: float = ARRIVING) -> None:
        self._app, self._access, self._seconds = app, access, seconds
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        guarded = _with_headers(send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        most = UPLOAD if scope["path"].endswith(FILES) else JSON
        size = 0
        try:
            if await self._let_in(scope, headers, guarded):
                return
            size = self._reserved(headers, most)
            body = await self._body(receive, most)
            await self._app(scope, _replayed(body, receive), guarded)
        except Refused as wrong:
            await refusal(wrong)(scope, receive, guarded)
        finally:
            self._held -= size

    async def _let_in(self, scope: Scope, headers: Mapping[str, str], send: Send) -> bool:
        """Refuse who may not come in; True where the answer has been sent, which is a cookie for the token."""
        require_same_site(scope["method"], headers, self._access.hosts)
        token, cookie = self._access.token, self._access.cookie
        if not token:
            return False
        query = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if query and scope["method"] == "GET" and _same(query, token):
            await send(
                {
                    "type": "http.response.start",
                    "status": 303,
                    "headers": [
                        (b"location", b"/"),
                        (b"set-cookie", f"{cookie}={token}; Path=/; HttpOnly; SameSite=Lax".encode("latin-1")),
                    ],
                }
            )
            await send({"type": "http.response.body", "body": b""})
            return True
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if not (_same(bearer, token) or _same(_cookie(headers.get("cookie", ""), cookie), token)):
            raise Unknown(
                "This server wants its token: open the address that it printed, or send the header "
                "'Authorization: Bearer TOKEN'."
            )
        return False

    def _reserved(self, headers: Mapping[str, str], most: int) -> int:
        """Room for a body of the size that it says it has, at most of what may be."""
        stated = headers.get("content-length", "")
        size = int(stated) if stated.isdecimal() else most if "transfer-encoding" in headers else 0
        if size > most:
            raise TooBig(f"At most {most:,} bytes are read of a request. Got {size:,}.")
        if self._held + size > FLIGHT:
            raise Busy("Too many files are being sent at once. Try again in a moment.")
        self._held += size
        return size

    async def _body(self, receive: Receive, most: int) -> bytes:
        """All of the body of a request."""
        pieces, size = [], 0
        try:
            async with asyncio.timeout(self._seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise TooSlow("The request ended before all of it had arrived.")
                    pieces.append(message.get("body", b""))
                    size += len(pieces[-1])
                    if size > most:
                        raise TooBig(f"At most {most:,} bytes are read of a request, and this one goes on.")
                    if not message.get("more_body", False):
                        return b"".join(pieces)
        except TimeoutError:
            raise TooSlow(f"The request did not arrive within {self._seconds:g} seconds. Send it again.") from None


def require_same_site(method: str, headers: Mapping[str, str], hosts: frozenset[str] | None) -> None:
    """Refuse what comes by another name than this server's, or from a page of another site.

    >>> require_same_site("GET", {"host": "127.0.0.1:8765"}, frozenset(LOOPBACK))
    >>> require_same_site("GET", {"host": "evil.example"}, frozenset(LOOPBACK))
    Traceback (most recent call last):
    counterpoint.serving.refusals.Foreign: This server is not called 'evil.example'. Open the address that it printed.
    """
    host = headers.get("host", "")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    if hosts is not None and name.lower() not in hosts:
        raise Foreign(f"This server is not called '{name[:80]}'. Open the address that it printed.")
    changes = method not in ("GET", "HEAD")
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    opened = headers.get("sec-fetch-mode") == "navigate" and not changes
    if (changes and origin is not None and origin.partition("://")[2] != host) or (
        site not in ("same-origin", "none") and not opened
    ):
        raise Foreign("Pages of other sites may not use this server.")


def _same(received: str, token: str) -> bool:
    return hmac.compare_digest(received.encode("utf-8", "replace"), token.encode("utf-8"))


def _cookie(header: str, name: str) -> str:
    try:
        held = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return "" if held is None else held.value


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A body that has been read, as an application reads it."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return left.pop() if left else await receive()

    return replay


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message.get("headers", [])}
            more = [(name, value) for name, value in HEADERS.items() if name not in there]
            message = {**message, "headers": [*message.get("headers", []), *more]}
        await send(message)

    return sending
