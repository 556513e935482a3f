r"""Near-duplicates: items that are as alike as copies of one another.

    i ~ j   where z_i.z_j / (|z_i| |z_j|) >= above;     a group is all that hang together by such pairs

Exact, in blocks of rows, so that memory stays small.  An item may be less alike to some of its group than ``above``: it
hangs on a chain.

>>> z = Embeddings(np.array([[1, 0], [0, 1], [0.99, 0.1]], dtype=np.float32), ["a", "b", "c"])
>>> [group.names for group in duplicates(z)]
[['a', 'c']]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from counterpoint.embeddings import Embeddings
from counterpoint.errors import InputError

CELLS = 2**22
"""Similarities held at once: 16 MB of float32."""


@dataclass(frozen=True)
class Group:
    """Items that are near-duplicates: names, rows, and the least similarity of the pairs that they hang together by."""

    names: Sequence[str]
    index: Sequence[int]
    similarity: float
    texts: Sequence[str] | None = None
    """What they say, where items are texts."""


def duplicates(z: Embeddings, *, above: float = 0.95) -> list[Group]:
    """All groups of near-duplicates, the largest first.

    Args:
        z: The embeddings.
        above: The cosine similarity from which on two items are near-duplicates, in (-1, 1].

    Raises:
        InputError: ``above`` is no cosine, or the embeddings are no embeddings.
    """
    if not isinstance(z, Embeddings):
        raise InputError(f"Duplicates are looked for among embeddings: embed the data first. Got {type(z).__name__}.")
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not -1 < above <= 1:
        raise InputError(f"above is a cosine similarity above -1 and at most 1. Got {above}.")
    vectors = functional.normalize(torch.from_numpy(np.require(z.vectors, np.float32, ["C", "W"])), dim=1)
    height = max(1, CELLS // max(1, len(z)))
    left, right, how = [], [], []
    for start in range(0, len(z), height):
        alike = vectors[start : start + height] @ vectors[start:].T
        row, column = (alike >= above - 1e-6).triu(1).nonzero(as_tuple=True)
        left.append(row + start)
        right.append(column + start)
        how.append(alike[row, column])
    i, j, similarity = (torch.cat(part).numpy() for part in (left, right, how))
    _, number = connected_components(coo_array((similarity, (i, j)), shape=(len(z), len(z))), directed=False)
    least = np.full(len(z), np.inf)
    np.minimum.at(least, number[i], similarity)
    order = np.argsort(number, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(number[order])) + 1)
    found = [
        Group([z.names[row] for row in rows], rows.tolist(), float(least[number[rows[0]]]))
        for rows in groups
        if len(rows) > 1
    ]
    return sorted(found, key=lambda group: -len(group.names))
