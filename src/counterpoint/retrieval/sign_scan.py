r"""A scan in two stages: sign bits of the lists nearest to a query first, then exact similarities of the best.

    r = x - c,   h = number of different signs of R r and R (q - c),   of D
    q.x  ~  q.c + (x.c - |c|^2) + |r| |q - c| cos(pi h / D)

c is the centroid of the list of x, R a random rotation. The two terms of x, its signs and its row are kept: 32 bytes
of a vector of 128 numbers, where that has 512. The angle of two vectors from the signs of their projections is Charikar
2002, STOC:380; signs of rotated residuals with their lengths are Gao & Long 2024, arXiv:2405.12497.

``scanned`` is how many vectors the first stage looks at for a query: those of the nearest lists, until there are so
many. Where a filter holds, only those that it leaves count, so that as many are looked at with a filter as without one.
``reranked`` of them are compared exactly. Both are chosen when the index is built, on queries whose answers are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int64, Integer, UInt64

from counterpoint.errors import RunError
from counterpoint.retrieval.coarse_lists import list_count, nearest_lists, trained_centroids
from counterpoint.retrieval.exact_scan import Nearest, largest, ragged
from counterpoint.storage.mapped_arrays import MappedArray, write_array

FILES = ("centroids.npy", "rotation.npy", "offsets.npy", "order.npy", "codes.npy", "terms.npy")

BLOCK = 2**16
"""Vectors that are coded at a time."""

CANDIDATES = 2**19
"""Vectors that the first stage looks at in one go, of several queries together."""

COST = 8
"""How many times the first stage the second takes for a vector."""

READ_AROUND = 2**16
"""Bytes that the system maps around a vector that is read."""


class Candidates(NamedTuple):
    """What the first stage looks at: places in the order of the lists, and which pair of query and list each is of."""

    places: Int64[np.ndarray, " m"]
    pair: Int64[np.ndarray, " m"]
    queries: Int64[np.ndarray, " p"]
    """The query of every pair."""
    lists: Int64[np.ndarray, " p"]


class Kept(NamedTuple):
    """What a filter leaves: whether each vector, in the order of the lists, and how many of each list."""

    allowed: Bool[np.ndarray, " n"]
    """In the order of the vectors."""
    mask: Bool[np.ndarray, " n"]
    sizes: Int64[np.ndarray, " l"]


class SignScan:
    """The own index of many vectors; see the head of this file."""

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
        self._kept: Kept | None = None
        self._turned = self.centroids @ self.rotation
        self._squares = np.einsum("ld,ld->l", self.centroids, self.centroids)
        self._cosines = np.cos(np.pi * np.arange(bits + 1) / bits).astype(np.float32)

    def settings(self) -> dict[str, int]:
        """What ``__init__`` is given."""
        return {"lists": len(self.centroids), "scanned": self.scanned, "reranked": self.reranked}

    def efforts(self) -> Iterator[dict[str, int]]:
        """Settings, from the quickest to the most thorough."""
        rows = len(self.order)
        most = max(1, rows // 4)
        scans = sorted({min(most, max(1, rows // len(self.centroids)) * 2**power) for power in range(12)})
        every = [
            {"scanned": scanned, "reranked": reranked} for scanned in scans for reranked in (32, 64, 128, 256, 512)
        ]
        yield from sorted(every, key=lambda each: each["scanned"] + COST * each["reranked"])

    def tried(self, effort: Mapping[str, int]) -> None:
        """Search with these settings from now on."""
        self.scanned, self.reranked = effort["scanned"], effort["reranked"]

    def nearest(self, queries: Float32[np.ndarray, "q d"], k: int, allowed: Bool[np.ndarray, " n"] | None) -> Nearest:
        """As ``exact_nearest``, but for those that the first stage overlooks."""
        kept = self._in_order(allowed)
        step = max(1, CANDIDATES // max(1, self.scanned))
        parts = [self._part(queries[start : start + step], k, kept) for start in range(0, len(queries), step)]
        return Nearest(
            np.concatenate([each.rows for each in parts]), np.concatenate([each.similarities for each in parts])
        )

    def _in_order(self, allowed: Bool[np.ndarray, " n"] | None) -> Kept | None:
        """What a filter leaves; of the filter before, which often is the same array, it is known already."""
        kept = self._kept
        if allowed is None or (kept is not None and kept.allowed is allowed):
            return None if allowed is None else kept
        mask = allowed[self.order]
        below = np.concatenate([[0], np.cumsum(mask)])
        self._kept = kept = Kept(allowed, mask, below[self.offsets[1:]] - below[self.offsets[:-1]])
        return kept

    def _part(self, queries: Float32[np.ndarray, "q d"], k: int, kept: Kept | None) -> Nearest:
        to_centroids = queries @ self.centroids.T
        candidates = self._candidates(to_centroids, kept)
        scores = self._estimated(queries, to_centroids, candidates)
        wide, places = ragged(candidates.queries[candidates.pair], len(queries), scores, candidates.places)
        best = max(self.reranked, k)
        if wide.shape[1] > best:
            chosen = np.argpartition(wide, wide.shape[1] - best, axis=1)[:, wide.shape[1] - best :]
            places = np.take_along_axis(places, chosen, axis=1)
        rows = np.where(places < 0, -1, self.order[places])
        similarities = np.matmul(self.vectors.array[rows], queries[:, :, None])[:, :, 0]
        similarities[rows < 0] = -np.inf
        self.vectors.touched(rows.size * READ_AROUND)
        return largest(rows, similarities, k)

    def _candidates(self, to_centroids: Float32[np.ndarray, "q l"], kept: Kept | None) -> Candidates:
        """The vectors of the nearest lists of every query, until ``scanned`` of those that are left by a filter."""
        sizes, total = self.sizes, len(self.order)
        if kept is not None:
            sizes, total = kept.sizes, int(kept.sizes.sum())
        near = min(len(sizes), 8 + 4 * self.scanned * len(sizes) // max(1, total))
        nearest = _first(to_centroids, near)
        held = sizes[nearest]
        if near < len(sizes) and (held.sum(axis=1) < min(self.scanned, total)).any():  # a filter leaves few of these
            nearest = _first(to_centroids, len(sizes))
            held = sizes[nearest]
        queries, ranks = np.nonzero((np.cumsum(held, axis=1) - held < self.scanned) & (held > 0))
        chosen = nearest[queries, ranks]
        starts, counts = self.offsets[chosen], self.offsets[chosen + 1] - self.offsets[chosen]
        pair = np.repeat(np.arange(len(chosen)), counts)
        places = np.arange(len(pair)) + (starts - np.cumsum(counts) + counts)[pair]
        if kept is not None:
            left = kept.mask[places]
            places, pair = places[left], pair[left]
        return Candidates(places, pair, queries, chosen)

    def _estimated(
        self, queries: Float32[np.ndarray, "q d"], to_centroids: Float32[np.ndarray, "q l"], candidates: Candidates
    ) -> Float32[np.ndarray, " m"]:
        """How alike every candidate is, as its signs tell."""
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
        """Refuse lists that do not hold every vector: a place outside of the vectors would end in a traceback."""
        rows = len(self.order)
        sound = self.offsets[0] == 0 and self.offsets[-1] == rows and bool((np.diff(self.offsets) >= 0).all())
        if not sound or self.order.min(initial=0) < 0 or self.order.max(initial=0) >= rows:
            raise RunError(f"'{folder}' is damaged: its lists do not fit its vectors. Build the index anew.")


def _first(to_centroids: Float32[np.ndarray, "q l"], near: int) -> Int64[np.ndarray, "q {near}"]:
    """The lists nearest to every query, the nearest first."""
    if near < to_centroids.shape[1]:
        some = np.argpartition(-to_centroids, near - 1, axis=1)[:, :near]
        order = np.argsort(-np.take_along_axis(to_centroids, some, axis=1), axis=1)
        return np.take_along_axis(some, order, axis=1)
    return np.argsort(-to_centroids, axis=1)


def write_sign_scan(folder: Path, vectors: MappedArray, *, seed: int = 0) -> dict[str, int]:
    """Code the vectors of a folder, and leave there what ``SignScan`` reads; gives its settings, not yet tuned."""
    array, random = vectors.array, np.random.default_rng(seed)
    rows, length = array.shape
    lists = list_count(rows)
    centroids = trained_centroids(array, lists, seed=seed)
    vectors.touched(array.nbytes)
    rotation = rotated(length, padded(length), random)
    parts = [_coded(block, centroids, rotation) for block in blocks(vectors)]
    assigned, codes, terms = (np.concatenate(each) for each in zip(*parts, strict=True))
    del parts
    order = np.argsort(assigned, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(assigned, minlength=lists))])
    held = (centroids, rotation, offsets.astype(np.int64), order.astype(np.int64), codes[order], terms[order])
    for name, each in zip(FILES, held, strict=True):
        write_array(folder / name, each)
    return {"lists": lists, "scanned": max(1, rows // lists), "reranked": 64}


def blocks(vectors: MappedArray) -> Iterator[Float32[np.ndarray, "b d"]]:
    """All vectors, so many at a time."""
    for start in range(0, len(vectors.array), BLOCK):
        block = vectors.array[start : start + BLOCK]
        yield block
        vectors.touched(block.nbytes)


def _coded(
    block: Float32[np.ndarray, "b d"], centroids: Float32[np.ndarray, "l d"], rotation: Float32[np.ndarray, "d w"]
) -> tuple[Integer[np.ndarray, " b"], UInt64[np.ndarray, "b _"], Float32[np.ndarray, "b 2"]]:
    """The list, the signs and the terms of some vectors."""
    assigned = nearest_lists(block, centroids)
    c = centroids[assigned]
    r = block - c
    terms = np.stack([np.einsum("bd,bd->b", r, c), np.linalg.norm(r, axis=1)], axis=1)
    return assigned.astype(np.int32), packed(r @ rotation), terms.astype(np.float32)


def padded(length: int) -> int:
    """How many signs are kept of a vector: whole words of 64."""
    return -(-length // 64) * 64


def rotated(length: int, bits: int, random: np.random.Generator) -> Float32[np.ndarray, "{length} {bits}"]:
    """A random rotation, or its first rows where there are more signs than numbers."""
    turned, _ = np.linalg.qr(random.normal(size=(bits, bits)))
    return np.ascontiguousarray(turned[:length], dtype=np.float32)


def packed(turned: Float32[np.ndarray, "m w"]) -> UInt64[np.ndarray, "m _"]:
    """The signs of numbers, 64 to a word.

    >>> packed(np.ones((1, 64), dtype=np.float32)).tolist() == [[2**64 - 1]]
    True
    """
    return np.packbits(turned > 0, axis=1, bitorder="little").view(np.uint64)


def bit_counts(words: UInt64[np.ndarray, "m w"]) -> Integer[np.ndarray, " m"]:
    """How many bits are set in every row.

    >>> bit_counts(np.array([[3, 2**63], [0, 0]], dtype=np.uint64)).tolist()
    [3, 0]
    """
    counts: Any = np.bitwise_count(words) if hasattr(np, "bitwise_count") else _counted(words)
    total = counts[:, 0].astype(np.intp)
    for column in range(1, counts.shape[1]):
        total += counts[:, column]
    return total  # type: ignore[no-any-return]


def _counted(words: UInt64[np.ndarray, "m w"]) -> Integer[np.ndarray, "m w"]:
    """The same for NumPy before 2.0: all bits at once, in pairs, fours and bytes (Warren, Hacker's Delight, 5-2)."""
    one, two, four = (np.uint64(mask) for mask in (0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F))
    words = words - ((words >> np.uint64(1)) & one)
    words = (words & two) + ((words >> np.uint64(2)) & two)
    words = (words + (words >> np.uint64(4))) & four
    return (words * np.uint64(0x0101010101010101)) >> np.uint64(56)
