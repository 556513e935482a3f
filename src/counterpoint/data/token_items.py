"""Items that are texts as token ids: rows of unequal length, and the metadata of every row."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int32, Int64
from torch import Tensor

from counterpoint.data.texts import Texts
from counterpoint.interfaces import ItemsInfo


@dataclass(frozen=True)
class Ragged:
    """Rows of unequal length: row i is ``flat[starts[i] : starts[i + 1]]``, so there is one more start than rows."""

    flat: Int32[np.ndarray, " t"]
    starts: Int64[np.ndarray, " m"]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Int64[np.ndarray, " n"]:
        """The length of every row."""
        return np.diff(self.starts)

    def joined(self, other: Ragged) -> Ragged:
        """For every row of ``other``, the concatenated rows whose indices it holds.

        >>> parts = Ragged(np.array([7, 8, 9], dtype=np.int32), np.array([0, 2, 2, 3]))
        >>> [row.tolist() for row in parts.joined(Ragged(np.array([2, 0, 1], dtype=np.int32), np.array([0, 2, 3])))]
        [[9, 7, 8], []]
        """
        lengths = self.lengths[other.flat]
        ends = np.concatenate([[0], np.cumsum(lengths)])
        places = np.repeat(self.starts[other.flat] - ends[:-1], lengths)
        places += np.arange(len(places))
        return Ragged(self.flat[places], ends[other.starts])

    def only(self, wanted: Bool[np.ndarray, " v"]) -> Ragged:
        """The same rows without the masked values."""
        kept = wanted[self.flat]
        before = np.concatenate([[0], np.cumsum(kept)])
        return Ragged(self.flat[kept], before[self.starts])

    def rows_with(self, size: int) -> list[int]:
        """The number of rows that contain each value below ``size``.

        >>> Ragged(np.array([1, 1, 0], dtype=np.int32), np.array([0, 2, 3])).rows_with(2)
        [1, 1]
        """
        row = np.repeat(np.arange(len(self)), self.lengths)
        pairs = np.unique(row * size + self.flat)
        counts: list[int] = np.bincount(pairs % size, minlength=size).tolist()
        return counts

    def __iter__(self) -> Iterator[Int32[np.ndarray, " l"]]:
        return (self.flat[start:end] for start, end in itertools.pairwise(self.starts))

    def padded(self, rows: Int64[np.ndarray, " b"], *, most: int, pad: int) -> Int64[Tensor, "b l"]:
        """Some rows, each truncated to a length, and padded to the longest of them.

        >>> Ragged(np.array([7, 8, 9], dtype=np.int32), np.array([0, 1, 3])).padded(np.array([1, 0]), most=2, pad=0)
        tensor([[8, 9],
                [7, 0]])
        """
        lengths = np.minimum(self.starts[rows + 1] - self.starts[rows], most)
        places = np.arange(max(1, int(lengths.max(initial=0))))
        there = places < lengths[:, None]
        result = np.full(there.shape, pad, dtype=np.int64)
        result[there] = self.flat[(self.starts[rows][:, None] + places)[there]]
        return torch.from_numpy(result)


@dataclass(frozen=True)
class Written:
    """Items that are texts, as token ids (b, l) int64 padded with ``pad``."""

    read: Texts
    tokens: Ragged
    longest: int
    """Tokens after which a text is truncated."""
    pad: int
    linked: Int64[np.ndarray, "r v"] | None = None
    """For sources of pairs, the items of each row: an anchor, its positive, and any hard negatives."""
    duplicate_ids: Int64[np.ndarray, "_ w"] | None = None
    """Content ids of every row, equal for near-duplicates, for training."""

    @property
    def labels(self) -> Sequence[str | None] | None:
        """The label of every item, where the source has a column of labels."""
        return self.read.labels

    @property
    def names(self) -> Sequence[str]:
        return self.read.names

    @property
    def info(self) -> ItemsInfo:
        """The metadata of their source; lengths are in tokens."""
        return ItemsInfo(
            texts=self.read.texts,
            lengths=np.minimum(self.tokens.lengths, self.longest),
            source_rows=self.read.rows,
            linked=self.linked,
            duplicate_ids=self.duplicate_ids,
            columns=self.read.frame,
            skipped=self.read.skipped,
            notes=self.read.notes,
        )

    def __len__(self) -> int:
        return len(self.read.texts)

    def take(self, index: Int64[np.ndarray, " b"]) -> Int64[Tensor, "b l"]:
        return self.tokens.padded(np.asarray(index, dtype=np.int64), most=self.longest, pad=self.pad)
