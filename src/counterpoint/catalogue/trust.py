"""Which code may run: this package's parts, and those from outside that the user names; never what a folder names.

A run folder is data. Names in its records are looked up in the catalogue only; a part from outside, written as
``package.module:name``, is loaded only if the user has named it, too, or has declared the folder trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from counterpoint.errors import Untrusted

LIBRARIES = ("hf", "timm")
"""The prefix of networks of other libraries, before a colon: it is not a module name."""

PARTS: Mapping[str, str] = {
    "modality": "modality",
    "method": "method",
    "objective": "objective",
    "negatives": "negatives",
    "similarity": "similarity",
    "temperature": "temperature",
    "encoder": "encoder",
    "student": "encoder",
    "views": "views",
    "optimizer": "optimizer",
    "scaling": "scaling",
    "schedule": "schedule",
    "recipe": "recipe",
    "track": "tracker",
}
"""The fields of records that name parts, and the kind of each."""

_NAMED: set[str] = set()
"""The parts from outside that the user has named in this process."""

_TRUSTING: ContextVar[bool] = ContextVar("trusting", default=False)


@contextmanager
def trusting(trust: bool = True) -> Iterator[None]:
    """Within the block, load whatever run folders name; without ``trust`` nothing changes.

    >>> with trusting():
    ...     require_trusted({"views": "their.module:look"}, "runs/theirs")
    """
    token = _TRUSTING.set(trust or _TRUSTING.get())
    try:
        yield
    finally:
        _TRUSTING.reset(token)


def from_outside(spec: object) -> str | None:
    """The module and name of a part from outside this package; None for others.

    >>> from_outside("their.module:augmentation(size=3)"), from_outside("timm:vit_tiny"), from_outside("simclr")
    ('their.module:augmentation', None, None)
    """
    name = spec.partition("(")[0].strip() if isinstance(spec, str) else ""
    before, colon, _ = name.partition(":")
    return name if colon and before not in LIBRARIES else None


def remember(*specs: object) -> None:
    """Record which parts from outside the user has named: from now on, records may name them."""
    _NAMED.update(name for name in map(from_outside, specs) if name is not None)


def require_trusted(record: Mapping[str, Any], place: object) -> None:
    """Refuse a record that names a part from outside which the user has not named.

    Args:
        record: Fields and values, of which those in ``PARTS`` count.
        place: The source of the record, for the message.

    Raises:
        Untrusted: It names one, and the folder is not declared trusted.

    >>> require_trusted({"views": "simclr", "width": 64}, "runs/theirs")
    >>> require_trusted({"views": "pydoc:pager"}, "runs/theirs")
    Traceback (most recent call last):
    counterpoint.errors.Untrusted: 'runs/theirs' names the views 'pydoc:pager', which are code from outside of \
Counterpoint. If you trust whoever made it, load it with trust=True.
    """
    if _TRUSTING.get():
        return
    for field, kind in PARTS.items():
        name = from_outside(record.get(field))
        if name is not None and name not in _NAMED:
            are = "are" if kind in ("views", "negatives") else "is"
            raise Untrusted(
                f"'{place}' names the {kind} '{name}', which {are} code from outside of Counterpoint. If you trust "
                "whoever made it, load it with --trust."
            )
