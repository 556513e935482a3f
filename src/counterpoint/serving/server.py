"""The process that serves: its socket, taken before anything slow begins, its token, and its end."""

from __future__ import annotations

import errno
import ipaddress
import logging
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from counterpoint.errors import InputError, MissingPackage
from counterpoint.serving.guard import LOOPBACK, Access

BACKLOG = 2048
"""Connections that may wait to be taken."""

CONNECTIONS = 1000
"""Requests that are worked on at once; more are refused with 503."""

IDLE, ENDING = 30, 5
"""Seconds that a connection may stay open unused, and that requests have to end when the server stops."""


def require_packages() -> None:
    """Refuse to begin where what serves is not installed.

    Raises:
        MissingPackage: It is not.
    """
    for package in ("fastapi", "uvicorn"):
        if find_spec(package) is None:
            raise MissingPackage(package, "serve")


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens at an address; port 0 is any that is free.

    Raises:
        InputError: It is taken, or there is no such address here.
    """
    if not 0 <= port <= 65535:
        raise InputError(f"A port is a number from 0 to 65535. Got {port}.")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
    except PermissionError as wrong:
        raise InputError(f"Port {port} is kept for the administrator. Choose one from 1024, such as 8765.") from wrong
    except OSError as wrong:
        if wrong.errno == errno.EADDRINUSE:
            raise InputError(
                f"Port {port} of {host} is taken by another program, perhaps by this command given before. Stop that, "
                "or choose another with --port; 0 takes any that is free."
            ) from wrong
        raise InputError(f"Nobody can listen at '{host}': {wrong.strerror or wrong}. Leave --host out.") from wrong
    return listening


def access_to(host: str, port: int) -> Access:
    """Who may come in: on this machine everybody by its own names; over a network whoever has the token."""
    if is_loopback(host):
        return Access(frozenset({*LOOPBACK, host.lower(), _written(host)}), "", f"counterpoint-{port}")
    return Access(None, secrets.token_urlsafe(24), f"counterpoint-{port}")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host.lower() == "localhost"


def address(host: str, port: int, token: str) -> str:
    """What to open in a browser.

    >>> address("127.0.0.1", 8765, ""), address("0.0.0.0", 80, "abc")
    ('http://127.0.0.1:8765/', 'http://127.0.0.1:80/?token=abc')
    """
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{_written(reached)}:{port}/{f'?token={token}' if token else ''}"


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def run(app: Any, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Answer requests until the process is asked to stop; ``ready`` is called as soon as they are."""
    import uvicorn

    class Server(uvicorn.Server):
        """Says when it answers."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready()

    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="none",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=ENDING,
    )
    with suppress(KeyboardInterrupt):  # it stops at Ctrl-C, and then raises it again
        Server(config).run(sockets=[listening])
