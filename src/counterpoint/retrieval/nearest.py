r"""Nearest neighbours: exact cosine similarity with all vectors.

    s_i = q.z_i / (|q| |z_i|),     the k largest, most similar first

The table of queries against items is computed in blocks of rows, so memory stays small.

>>> vectors = np.asarray([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
>>> z = Embeddings(vectors, ["east", "north-east", "north"])
>>> [(hit.name, round(hit.similarity, 2)) for hit in search(z, like="east")]
[('north-east', 0.8), ('north', 0.0)]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor
from torch.nn import functional

from counterpoint.embeddings import Embeddings
from counterpoint.errors import InputError
from counterpoint.output.html import html_table
from counterpoint.output.results import excerpt, filled, frame_of

CELLS = 2**22
"""Similarities computed at once: 16 MB of float32."""


@dataclass(frozen=True)
class Hit:
    """A search result: the item's name, its row among the embeddings, its cosine similarity in [-1, 1]."""

    name: str
    index: int
    similarity: float
    text: str | None = None
    """Its text, where items are texts."""

    def __str__(self) -> str:
        text = "" if self.text is None else f"  {excerpt(self.text)}"
        return f"{self.similarity:6.3f}  {self.name}{text}"


class Hits(list[Hit]):
    """The results of a search, most similar first; ``str`` is the table that the shell prints."""

    query: str = ""
    """What was looked for, where several were."""

    def __str__(self) -> str:
        return "\n".join(map(str, self))

    def _repr_html_(self) -> str:
        rows = ((f"{hit.similarity:.3f}", hit.name, hit.text or "") for hit in self)
        return html_table("Most similar first", rows, ("similarity", "name", "text"))

    def record(self) -> list[dict[str, Any]]:
        """As JSON values; fields without a value are left out."""
        return [filled(vars(hit)) for hit in self]

    def to_frame(self) -> Any:
        """A pandas data frame, or else one of polars, with the names of the items as its index."""
        columns = ["index", "similarity", *(["text"] if any(hit.text is not None for hit in self) else [])]
        return frame_of({name: [getattr(hit, name) for hit in self] for name in columns}, [hit.name for hit in self])


def nearest(
    z: Embeddings, queries: Float32[np.ndarray, "q d"], *, k: int, skip: Sequence[int | None] | None = None
) -> tuple[Int64[np.ndarray, "q k"], Float32[np.ndarray, "q k"]]:
    """The rows of the ``k`` items most similar to every query, and their similarities, most similar first.

    ``skip`` gives for each query a row to leave out, or None: an item is not its own neighbour. Where fewer
    than ``k`` items remain, ``k`` is reduced to that, the same for all queries.
    """
    if k < 1:
        raise InputError(f"k, the number of neighbours, must be at least 1. Got {k}.")
    skipped = np.full(len(queries), -1) if skip is None else _rows(z, skip)
    if len(skipped) != len(queries):
        raise InputError(f"There are {len(queries)} queries but {len(skipped)} rows to skip; give one for each.")
    k = min(k, len(z) - int((skipped >= 0).any()))
    items = _tensor(z.vectors)
    lengths = torch.from_numpy(np.maximum(z.lengths, 1e-12))
    index = np.empty((len(queries), k), dtype=np.int64)
    similarity = np.empty((len(queries), k), dtype=np.float32)
    rows = max(1, CELLS // max(1, len(z)))
    for start in range(0, len(queries), rows):
        block = slice(start, start + rows)
        scores = (functional.normalize(_tensor(queries[block]), dim=1) @ items.T).div_(lengths)
        (queries_with_skip,) = np.nonzero(skipped[block] >= 0)
        scores[queries_with_skip, skipped[block][queries_with_skip]] = -torch.inf
        best = scores.topk(k, dim=1)
        index[block], similarity[block] = best.indices.numpy(), best.values.numpy()
    return index, similarity


def neighbours(
    vectors: Float32[np.ndarray, "n d"],
    queries: Float32[np.ndarray, "q d"],
    *,
    k: int,
    skip: Sequence[int | None] | None = None,
) -> tuple[Int64[np.ndarray, "q k"], Float32[np.ndarray, "q k"]]:
    """As ``nearest``, among vectors without names."""
    return nearest(Embeddings(vectors, [""] * len(vectors)), queries, k=k, skip=skip)


def search(z: Embeddings, *, like: str | int | Float[np.ndarray, " _"], k: int = 10) -> Hits:
    """The ``k`` items most similar to a vector (d,), or to one of them by name or row, which is left out."""
    vector, row = _query(z, like)
    index, similarity = nearest(z, vector[None], k=k, skip=[row])
    return Hits(Hit(z.names[i], int(i), float(s)) for i, s in zip(index[0], similarity[0], strict=True))


def _query(z: Embeddings, like: str | int | Float[np.ndarray, " _"]) -> tuple[Float32[np.ndarray, " d"], int | None]:
    """The query vector, and its row when it is an item's own."""
    if isinstance(like, np.ndarray):
        if like.shape != z.vectors.shape[1:]:
            raise InputError(
                f"The vector to look for must have the length of the embeddings, {z.vectors.shape[1]}. "
                f"Got an array of shape {like.shape}."
            )
        if not np.isfinite(like).all():
            raise InputError("The vector to look for holds NaN or infinity; give finite numbers only.")
        return like.astype(np.float32), None
    row = z.place(like) if isinstance(like, str) else int(_rows(z, [like])[0])
    return z.vectors[row], row


def _rows(z: Embeddings, rows: Sequence[int | None]) -> Int64[np.ndarray, " q"]:
    """Validated row numbers; -1 for None."""
    for row in rows:
        if row is not None and not 0 <= row < len(z):
            raise InputError(f"Rows are numbered 0 to {len(z) - 1}. Got {row}.")
    return np.asarray([-1 if row is None else row for row in rows], dtype=np.int64)


def _tensor(vectors: Float32[np.ndarray, "n d"]) -> Tensor:
    """The same memory as a tensor; read-only arrays are copied, as torch requires."""
    return torch.from_numpy(np.require(vectors, np.float32, ["C", "W"]))
