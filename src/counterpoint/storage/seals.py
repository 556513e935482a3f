"""Whether a record was made here: a seal that requires this user's key, so that no other folder can claim it.

    seal = HMAC-SHA256(key, message)

Krawczyk et al. 1997, RFC 2104. The key is in the user's state folder, readable by the user only. Where it cannot be
stored there, nothing is sealed.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path

PLACE = "COUNTERPOINT_STATE"
"""Environment variable for another folder of the key."""

LENGTH = 32


def seal(*words: str | None) -> str | None:
    """The seal of some strings; None without a key."""
    key = _key()
    return None if key is None else hmac.new(key, json.dumps(words).encode(), hashlib.sha256).hexdigest()


def is_sealed(sealed: object, *words: str | None) -> bool:
    """Whether a seal belongs to these strings, and was made here.

    >>> is_sealed(seal("photos", "/data/photos"), "photos", "/data/photos"), is_sealed("0" * 64, "photos", "/etc")
    (True, False)
    """
    here = seal(*words)
    return here is not None and isinstance(sealed, str) and hmac.compare_digest(sealed.encode(), here.encode())


def _key() -> bytes | None:
    """The key, which is created when first needed."""
    state = os.environ.get(PLACE) or os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    with contextlib.suppress(OSError, RuntimeError):  # there is no home, or it is not writable
        file = Path(state).expanduser() / "counterpoint" / "key"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _written(file, secrets.token_bytes(LENGTH))
        key = file.read_bytes()
        return key if len(key) == LENGTH else None
    return None


def _written(file: Path, key: bytes) -> None:
    """Store a key atomically, unless another process has stored one meanwhile."""
    drawn = file.with_name(f".key.{os.getpid()}")
    handle = os.open(drawn, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(key)
        with contextlib.suppress(FileExistsError):
            os.link(drawn, file)
    finally:
        drawn.unlink(missing_ok=True)
