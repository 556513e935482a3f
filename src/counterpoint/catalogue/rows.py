"""A row of the catalogue."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """The location of a part, as ``module:name``, what it does in one sentence, and what it is limited to."""

    target: str
    summary: str
    only: str = ""
    """The only kind of data that the part is for; empty for all."""
    similarities: tuple[str, ...] = ()
    """The similarities that an objective can take, the default first; empty for all, with cosine as the default."""
