"""Which items of one source are in another, too, by what they are and not by what they are called."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Float32

from counterpoint.interfaces import Items

BATCH = 256
"""Items that are read at once."""


def shared(asked: Items, known: Items) -> int:
    """How many of the items that are asked about are equal to one that is known, number for number."""
    return _in_both(_digests(asked), _digests(known))


def shared_vectors(asked: Float32[np.ndarray, "m d"], known: Float32[np.ndarray, "n d"]) -> int:
    """How many of the vectors that are asked about are equal to one that is known, number for number."""
    return _in_both(map(_digest, asked), map(_digest, known))


def note_on_shared(count: int, asked: int, *, what: str = "item") -> str:
    """What so many shared items mean for the scores.

    >>> note_on_shared(3, 100)
    '3 of 100 test items are training items too, so these scores are better than those of new ones.'
    """
    if count == asked:
        return f"The test {what}s are the training {what}s, so these scores say nothing about new ones."
    are = f"is a training {what}" if count == 1 else f"are training {what}s"
    return f"{count:,} of {asked:,} test {what}s {are} too, so these scores are better than those of new ones."


def _in_both(asked: Iterable[bytes], known: Iterable[bytes]) -> int:
    there = set(known)
    return sum(digest in there for digest in asked)


def _digest(row: np.ndarray) -> bytes:
    return hashlib.blake2b(row.tobytes(), digest_size=16).digest()


def _digests(items: Items) -> Iterator[bytes]:
    """A digest of every item, in their order: of a text as it is written, of others of their numbers."""
    texts = getattr(items, "texts", None)
    if texts is not None:
        yield from (hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts)
        return
    for start in range(0, len(items), BATCH):
        batch = items.take(np.arange(start, min(start + BATCH, len(items)))).numpy()
        yield from map(_digest, batch)
