r"""A scan in two stages: sign bits of the lists nearest to a query first, then exact similarities of the best.

    r = x - c,   h = number of different signs of R r and R (q - c),   of D
    q.x  ~  q.c + (x.c - |c|^2) + |r| |q - c| cos(pi h / D)

c is the centroid of the list of x, R a random rotation. The two terms of x, its D sign bits and its row are stored: 32
bytes for a vector of 128 dimensions, which itself has 512. The angle of two vectors from the signs of their projections
is Charikar 2002, STOC:380; signs of rotated residuals with their lengths are Gao & Long 2024, arXiv:2405.12497.

``scanned`` is the number of vectors that the first stage estimates for a query: lists are added, the nearest first,
until they hold so many. With a filter only allowed vectors count, so that as many are estimated with one as without.
``reranked`` is the number of exact similarities. Both are chosen when the index is built, see ``recall``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64, UInt64

from counterpoint.errors import RunError
from counterpoint.retrieval.coarse_lists import list_count, nearest_lists, trained_centroids
from counterpoint.retrieval.exact_scan import Nearest, largest
from counterpoint.retrieval.index_record import REMEDY
from counterpoint.retrieval.sign_bits import bit_counts, packed, padded, rotated
from counterpoint.storage.mapped_arrays import Array, MappedArray, write_array

FILES = ("centroids.npy", "rotation.npy", "offsets.npy", "order.npy", "codes.npy", "terms.npy")

BLOCK = 2**16
"""Vectors encoded at once."""

CANDIDATES = 2**16
"""Vectors estimated at once, of several queries together: few enough for the cache of a processor."""

COST = 8
"""The time for an exact similarity, in units of that for an estimate."""

RERANKED = (32, 64, 128, 256, 512, 1024, 2048, 4096)
"""Numbers of exact similarities to choose from."""


class Candidates(NamedTuple):
    """Vectors to estimate: their places in the order of the lists, and the pair of query and list of each."""

    places: Int64[np.ndarray, " m"]
    pair: Int64[np.ndarray, " m"]
    queries: Int64[np.ndarray, " p"]
    """The query of every pair."""
    lists: Int64[np.ndarray, " p"]
    """The list of every pair."""


class Filtered(NamedTuple):
    """The vectors that a filter allows, and how many of every list."""

    allowed: Bool[np.ndarray, " n"]
    """In the order of the vectors."""
    mask: Bool[np.ndarray, " n"]
    """In the order of the lists."""
    sizes: Int64[np.ndarray, " l"]


class SignScan:
    """The backend for many vectors; see the docstring of this module."""

    name = "scan"

    def __init__(self, folder: Path, vectors: MappedArray, settings: Mapping[str, int]) -> None:
        rows, length = vectors.array.shape
        lists, bits = settings["lists"], padded(length)
        shapes: Mapping[str, tuple[str, tuple[int, ...]]] = {
            "centroids.npy": ("<f4", (lists, length)),
            "rotation.npy": ("<f4", (length, bits)),
            "offsets.npy": ("<i8", (lists + 1,)),
            "order.npy": ("<i8", (rows,)),
            "codes.npy": ("<u8", (rows, bits // 64)),
            "terms.npy": ("<f4", (rows, 2)),
        }
        self._files = {name: MappedArray(folder / name, *shape) for name, shape in shapes.items()}
        held = [self._files[name].array for name in FILES]
        self.centroids, self.rotation, self.offsets, self.order, self.codes, self.terms = held
        self.vectors, self.scanned, self.reranked = vectors, settings["scanned"], settings["reranked"]
        self._require_sound(folder)
        self.sizes = np.diff(self.offsets)
        self._filtered: Filtered | None = None
        self._centroids = torch.from_numpy(np.array(self.centroids))  # torch does not split one query between threads
        self._turned = self.centroids @ self.rotation
        self._squares = np.einsum("ld,ld->l", self.centroids, self.centroids)
        self._cosines = np.cos(np.pi * np.arange(bits + 1) / bits).astype(np.float32)

    def settings(self) -> dict[str, int]:
        """The settings of ``__init__``, as they are now."""
        return {"lists": len(self.centroids), "scanned": self.scanned, "reranked": self.reranked}

    def grid(self) -> Iterator[dict[str, int]]:
        """Settings, from the fastest to the most thorough."""
        rows = len(self.order)
        most = max(1, rows // 4)
        scans = sorted({min(most, max(1, rows // len(self.centroids)) * 2**power) for power in range(12)})
        pairs = [(scanned + COST * reranked, scanned, reranked) for scanned in scans for reranked in RERANKED]
        for cost, scanned, reranked in sorted(pairs):
            if cost <= max(most, CANDIDATES):  # beyond, exact search is faster
                yield {"scanned": scanned, "reranked": reranked}

    def apply(self, settings: Mapping[str, int]) -> None:
        """Search with these settings from now on."""
        self.scanned, self.reranked = settings["scanned"], settings["reranked"]

    def nearest(self, queries: Float32[np.ndarray, "q d"], k: int, allowed: Bool[np.ndarray, " n"] | None) -> Nearest:
        """As ``exact_nearest``, except for vectors that the first stage misses."""
        filtered = None if allowed is None else self._filter(allowed)
        step = max(1, CANDIDATES // max(1, self.scanned))
        parts = [self._block(queries[start : start + step], k, filtered) for start in range(0, len(queries), step)]
        return Nearest(
            np.concatenate([each.rows for each in parts]), np.concatenate([each.similarities for each in parts])
        )

    def _filter(self, allowed: Bool[np.ndarray, " n"]) -> Filtered:
        """A filter in the order of the lists; the last one is cached, as the same array often comes again."""
        filtered = self._filtered
        if filtered is None or filtered.allowed is not allowed:
            mask = allowed[self.order]
            before = np.concatenate([[0], np.cumsum(mask)])
            filtered = Filtered(allowed, mask, before[self.offsets[1:]] - before[self.offsets[:-1]])
            self._filtered = filtered
        return filtered

    def _block(self, queries: Float32[np.ndarray, "q d"], k: int, filtered: Filtered | None) -> Nearest:
        to_centroids = (torch.from_numpy(queries) @ self._centroids.T).numpy()
        candidates = self._candidates(to_centroids, filtered)
        estimates = self._estimated(queries, to_centroids, candidates)
        wide, places = ragged(candidates.queries[candidates.pair], len(queries), estimates, candidates.places)
        best = max(self.reranked, k)
        if wide.shape[1] > best:
            chosen = np.argpartition(wide, wide.shape[1] - best, axis=1)[:, wide.shape[1] - best :]
            places = np.take_along_axis(places, chosen, axis=1)
        rows = np.where(places < 0, -1, self.order[places])
        vectors = self.vectors.take(rows.reshape(-1)).reshape(*rows.shape, -1)
        similarities = np.matmul(vectors, queries[:, :, None])[:, :, 0]
        similarities[rows < 0] = -np.inf
        return largest(rows, similarities, k)

    def _candidates(self, to_centroids: Float32[np.ndarray, "q l"], filtered: Filtered | None) -> Candidates:
        """The vectors of the nearest lists of every query, until ``scanned`` allowed ones."""
        sizes, total = self.sizes, len(self.order)
        if filtered is not None:
            sizes, total = filtered.sizes, int(filtered.sizes.sum())
        near = min(len(sizes), 8 + 4 * self.scanned * len(sizes) // max(1, total))
        nearest = _nearest_first(to_centroids, near)
        held = sizes[nearest]
        if near < len(sizes) and (held.sum(axis=1) < min(self.scanned, total)).any():  # a filter allows few of these
            nearest = _nearest_first(to_centroids, len(sizes))
            held = sizes[nearest]
        queries, ranks = np.nonzero((np.cumsum(held, axis=1) - held < self.scanned) & (held > 0))
        chosen = nearest[queries, ranks]
        starts, counts = self.offsets[chosen], self.offsets[chosen + 1] - self.offsets[chosen]
        pair = np.repeat(np.arange(len(chosen)), counts)
        places = np.arange(len(pair)) + (starts - np.cumsum(counts) + counts)[pair]
        if filtered is not None:
            allowed = filtered.mask[places]
            places, pair = places[allowed], pair[allowed]
        return Candidates(places, pair, queries, chosen)

    def _estimated(
        self, queries: Float32[np.ndarray, "q d"], to_centroids: Float32[np.ndarray, "q l"], candidates: Candidates
    ) -> Float32[np.ndarray, " m"]:
        """The similarity of every candidate to its query, estimated from its sign bits."""
        turned = (queries @ self.rotation)[candidates.queries] - self._turned[candidates.lists]
        signs = packed(turned)
        near = to_centroids[candidates.queries, candidates.lists]
        squares = np.einsum("qd,qd->q", queries, queries)[candidates.queries] + self._squares[candidates.lists]
        lengths = np.sqrt(np.maximum(squares - 2 * near, 0))
        different = bit_counts(self.codes[candidates.places] ^ signs[candidates.pair])
        terms = self.terms[candidates.places]
        angles = self._cosines[different]
        estimated: np.ndarray = near[candidates.pair] + terms[:, 0] + terms[:, 1] * lengths[candidates.pair] * angles
        return estimated

    def _require_sound(self, folder: Path) -> None:
        """Refuse lists that do not hold every vector: a row out of range would end in a traceback."""
        rows = len(self.order)
        sound = self.offsets[0] == 0 and self.offsets[-1] == rows and bool((np.diff(self.offsets) >= 0).all())
        if not sound or self.order.min(initial=0) < 0 or self.order.max(initial=0) >= rows:
            raise RunError(f"'{folder}' is damaged: its lists do not fit its vectors. {REMEDY}")


def _nearest_first(to_centroids: Float32[np.ndarray, "q l"], near: int) -> Int64[np.ndarray, "q {near}"]:
    """The lists nearest to every query, the nearest first."""
    if near < to_centroids.shape[1]:
        some = np.argpartition(-to_centroids, near - 1, axis=1)[:, :near]
        order = np.argsort(-np.take_along_axis(to_centroids, some, axis=1), axis=1)
        return np.take_along_axis(some, order, axis=1)
    return np.argsort(-to_centroids, axis=1)


def write_sign_scan(folder: Path, vectors: MappedArray, *, seed: int = 0) -> dict[str, int]:
    """Encode the vectors of a folder into the files of ``SignScan``; returns settings, not yet the best ones."""
    array, random = vectors.array, np.random.default_rng(seed)
    rows, length = array.shape
    lists = list_count(rows)
    centroids = trained_centroids(vectors, lists, seed=seed)
    rotation = rotated(length, padded(length), random)
    assigned = np.empty(rows, dtype=np.int32)
    codes, terms = np.empty((rows, padded(length) // 64), dtype=np.uint64), np.empty((rows, 2), dtype=np.float32)
    for start in range(0, rows, BLOCK):
        part = slice(start, start + BLOCK)
        assigned[part], codes[part], terms[part] = _encoded(array[part], centroids, rotation)
        vectors.release()
    order = np.argsort(assigned, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(assigned, minlength=lists))])
    held: Sequence[Array] = (
        centroids,
        rotation,
        offsets.astype(np.int64),
        order.astype(np.int64),
        codes[order],
        terms[order],
    )
    for name, each in zip(FILES, held, strict=True):
        write_array(folder / name, each)
    return {"lists": lists, "scanned": max(1, rows // lists), "reranked": 64}


def _encoded(
    block: Float32[np.ndarray, "b d"], centroids: Float32[np.ndarray, "l d"], rotation: Float32[np.ndarray, "d w"]
) -> tuple[Int64[np.ndarray, " b"], UInt64[np.ndarray, "b _"], Float32[np.ndarray, "b 2"]]:
    """The list, the sign bits and the two terms of some vectors."""
    assigned = nearest_lists(block, centroids)
    c = centroids[assigned]
    r = block - c
    terms = np.stack([np.einsum("bd,bd->b", r, c), np.linalg.norm(r, axis=1)], axis=1)
    return assigned, packed(r @ rotation), terms


def ragged(
    queries: Int64[np.ndarray, " m"],
    count: int,
    values: Float32[np.ndarray, " m"],
    rows: Int64[np.ndarray, " m"],
) -> tuple[Float32[np.ndarray, "q w"], Int64[np.ndarray, "q w"]]:
    """Values and rows, sorted by query, as tables with a line for each query, filled up with -infinity and -1.

    >>> ragged(np.array([0, 0, 2]), 3, np.float32([0.5, 0.25, 1]), np.array([7, 8, 9]))[1].tolist()
    [[7, 8], [-1, -1], [9, -1]]
    """
    counts = np.bincount(queries, minlength=count)
    width = int(counts.max(initial=0))
    flat = np.arange(len(queries)) + np.repeat(np.arange(count) * width - np.cumsum(counts) + counts, counts)
    table = np.full(count * width, -np.inf, dtype=np.float32)
    placed = np.full(count * width, -1, dtype=np.int64)
    table[flat], placed[flat] = values, rows
    return table.reshape(count, width), placed.reshape(count, width)
