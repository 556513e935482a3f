"""The server process: its socket, its address and token, and uvicorn."""

from __future__ import annotations

import errno
import gc
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
"""Connections that may wait to be accepted."""

CONCURRENCY = 1000
"""Connections that are open at the same time; further ones are refused with 503."""

KEEP_ALIVE, SHUTDOWN = 30, 5
"""Seconds after which an idle connection is closed, and that requests have to finish when the server stops."""


def require_packages() -> None:
    """Check that the extra ``serve`` is installed.

    Raises:
        MissingPackage: It is not.
    """
    for package in ("fastapi", "uvicorn"):
        if find_spec(package) is None:
            raise MissingPackage(package, "serve")


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens at an address; port 0 is any free one.

    Raises:
        InputError: The port is taken or reserved, or this machine has no such address.
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
    except PermissionError as error:
        raise InputError(f"Only root may listen at port {port}. Choose one above 1023, such as 8765.") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InputError(
                f"Port {port} of {host} is taken by another program, perhaps by an earlier 'counterpoint serve'. Stop "
                "it, or choose another --port; 0 takes any free one."
            ) from error
        reason = error.strerror or error
        raise InputError(f"This machine cannot listen at '{host}': {reason}. Leave --host out.") from error
    return listening


def access_for(host: str, port: int) -> Access:
    """Access for a server at this address: without a token on the loopback interface, with a new one on any other."""
    if is_loopback(host):
        return Access(frozenset({*LOOPBACK, host.lower(), _bracketed(host)}), "", f"counterpoint-{port}")
    return Access(None, secrets.token_urlsafe(24), f"counterpoint-{port}")


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host.lower() == "localhost"


def url(host: str, port: int, token: str) -> str:
    """The address to open in a browser.

    >>> url("127.0.0.1", 8765, ""), url("0.0.0.0", 80, "abc")
    ('http://127.0.0.1:8765/', 'http://127.0.0.1:80/?token=abc')
    """
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{_bracketed(reached)}:{port}/{f'?token={token}' if token else ''}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def run(app: Any, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until the process is interrupted; ``ready`` is called once requests are answered.

    What exists by then is hidden from the garbage collector, whose pauses would delay all requests.
    """
    import uvicorn

    class Server(uvicorn.Server):
        """Calls ``ready`` after its start."""

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
        limit_concurrency=CONCURRENCY,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=SHUTDOWN,
    )
    gc.collect()
    gc.freeze()
    try:
        with suppress(KeyboardInterrupt):  # uvicorn stops at Ctrl-C and raises it again
            Server(config).run(sockets=[listening])
    finally:
        gc.unfreeze()
