"""Items of one source that are in another, too, by their contents and not by their names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float32, Int64

from counterpoint.batch import digest
from counterpoint.errors import listed
from counterpoint.interfaces import Batch, Items, info_of

BATCH = 256
"""Batch size for reading."""


def shared(test: Items, train: Items) -> int:
    """The number of test items that are equal to a training item."""
    return _in_both(_every(test), _every(train))


def equal_items(test: Items, train: Items) -> Bool[np.ndarray, " m"]:
    """Which test items are equal to a training item."""
    there = set(_every(train))
    return np.fromiter((each in there for each in _every(test)), dtype=bool, count=len(test))


def shared_vectors(test: Float32[np.ndarray, "m d"], train: Float32[np.ndarray, "n d"]) -> int:
    """The number of test vectors that are equal to a training vector."""
    asked_bytes, known_bytes = ((_digest(row.tobytes()) for row in rows) for rows in (test, train))
    return _in_both(asked_bytes, known_bytes)


def note_on_shared(count: int, test: int, *, what: str = "item") -> str:
    """A note on the consequence of shared items for the scores.

    >>> note_on_shared(3, 100)
    '3 of 100 test items are training items too, so these scores are better than those of new ones.'
    """
    if count == test:
        return f"The test {what}s are the training {what}s, so these scores say nothing about new ones."
    are = f"is a training {what}" if count == 1 else f"are training {what}s"
    return f"{count:,} of {test:,} test {what}s {are} too, so these scores are better than those of new ones."


def note_on_shared_groups(names: Sequence[str]) -> str:
    """A note on the consequence of shared groups for the scores.

    >>> note_on_shared_groups(["anna", "ben"])
    '2 groups of test items are of training items too (anna, ben), so these scores are better than those of new groups.'
    """
    are = "1 group of test items is" if len(names) == 1 else f"{len(names):,} groups of test items are"
    return f"{are} of training items too ({listed(names, 5)}), so these scores are better than those of new groups."


def digests(items: Items, rows: Int64[np.ndarray, " b"], batch: Batch | None = None) -> list[bytes]:
    """Hashes of some items: of texts as written, of others by their values, which are ``batch`` if given."""
    texts = info_of(items).texts
    if texts is not None:
        return [_digest(texts[row].encode("utf-8", "surrogatepass")) for row in rows]
    return digest(items.take(rows) if batch is None else batch)


def _in_both(test: Iterable[bytes], train: Iterable[bytes]) -> int:
    there = set(train)
    return sum(each in there for each in test)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _every(items: Items) -> Iterator[bytes]:
    """The hashes of all items, in order."""
    for start in range(0, len(items), BATCH):
        yield from digests(items, np.arange(start, min(start + BATCH, len(items))))
