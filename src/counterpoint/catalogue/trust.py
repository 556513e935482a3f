"""Which code may run: the parts of this package, and those from outside that the person names; no folder names any.

A run folder is data. What its records name is looked up in the catalogue only; a part from outside, written as
``package.module:name``, is loaded where the person has named it, too, or has said that the folder is trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from counterpoint.errors import Untrusted

LIBRARIES = ("hf", "timm")
"""What stands before the colon of a network of another library: it means no module of that name."""

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
"""The fields of records that name parts, and of which kind each is."""

_NAMED: set[str] = set()
"""The parts from outside that the person has named since this process began."""

_TRUSTING: ContextVar[bool] = ContextVar("trusting", default=False)


@contextmanager
def trusting(trust: bool = True) -> Iterator[None]:
    """Load what run folders name, whatever it is, as long as this lasts; without ``trust`` nothing changes.

    >>> with trusting():
    ...     require_trusted({"views": "their.module:look"}, "runs/theirs")
    """
    token = _TRUSTING.set(trust or _TRUSTING.get())
    try:
        yield
    finally:
        _TRUSTING.reset(token)


def from_outside(spec: object) -> str | None:
    """The module and the name of a part that is none of this package; None of any other.

    >>> from_outside("their.module:augmentation(size=3)"), from_outside("timm:vit_tiny"), from_outside("simclr")
    ('their.module:augmentation', None, None)
    """
    name = spec.partition("(")[0].strip() if isinstance(spec, str) else ""
    before, colon, _ = name.partition(":")
    return name if colon and before not in LIBRARIES else None


def remember(*specs: object) -> None:
    """Note which parts the person has named: those from outside, records may name, too, from now on."""
    _NAMED.update(name for name in map(from_outside, specs) if name is not None)


def require_trusted(record: Mapping[str, Any], place: object) -> None:
    """Refuse a record that names a part from outside which the person has not named.

    Args:
        record: Fields and values, of which those in ``PARTS`` count.
        place: What the record is of, for the message.

    Raises:
        Untrusted: It names one, and nobody said that the folder is trusted.

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
