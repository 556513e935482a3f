"""Near-duplicates: pairs of items that are copies of each other, each with its probability, and groups of them.

The closeness of two items is measured by ``closeness``, in the space in which planted copies are best separated from
other items; the probability of a copy follows from the closeness of planted copies and of items to their neighbours
(``mixture``).  A pair is listed if a copy is more probable than not, and as long as the mean probability of all listed
pairs, which is their expected precision, is as high as requested.

>>> vectors = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
>>> result = duplicates(Embeddings(np.concatenate([vectors, vectors[:1] + 1e-3]), [str(row) for row in range(201)]))
>>> [(pair.a, pair.b) for pair in result.pairs], [group.names for group in result.groups]
([('0', '200')], [['0', '200']])
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int64

from counterpoint.embeddings import Embeddings, unit
from counterpoint.errors import InputError
from counterpoint.retrieval.copy_probability import Measure, learned
from counterpoint.retrieval.duplicate_results import LARGE, Duplicates, Group, Pair
from counterpoint.retrieval.linkage import complete_groups
from counterpoint.retrieval.local_scaling import apart
from counterpoint.retrieval.planted_copies import Evidence, equal_rows

FEWEST = 20
"""The fewest distinct items for a distribution."""

PROBABLE = 0.5
"""The least probability of a listed pair."""

CELLS, MOST = 2**22, 2**20
"""Similarities computed at once, 16 MB of float32; and the most pairs above a threshold."""

DISTINGUISHED = 0.5
"""Recall of planted copies with vectors that distinguish items."""


class Pairs(NamedTuple):
    """Pairs of rows, the closest first, with their cosine similarity and probability."""

    i: Int64[np.ndarray, " p"]
    j: Int64[np.ndarray, " p"]
    similarity: Float[np.ndarray, " p"]
    probability: Float[np.ndarray, " p"]
    """NaN where there are too few items."""


def duplicates(
    z: Embeddings, *, threshold: float | None = None, precision: float = 0.9, evidence: Evidence | None = None
) -> Duplicates:
    """All pairs and groups of near-duplicates, the closest first.

    Args:
        z: The embeddings; rows of zeros are items that could not be embedded, and copies of nothing.
        threshold: List all pairs whose centred vectors have at least this cosine similarity, in (-1, 1], and no others.
        precision: Expected share of copies among the pairs that are listed, in (0, 1].
        evidence: Item hashes, plain features and planted copies; without it, equal vectors count as equal items.

    Raises:
        InputError: An option is out of range, or ``z`` is not embeddings or contains NaN.
    """
    _check(z, threshold, precision)
    first = equal_rows(z.vectors) if evidence is None else evidence.first
    embedded = z.lengths > 0
    alone = first == np.arange(len(z))
    rows, again = np.flatnonzero(embedded & alone), np.flatnonzero(embedded & ~alone)
    measure = None
    if len(rows) >= FEWEST:
        measure = learned(z.vectors[rows], None if evidence is None else evidence.of(rows))
    near = _near(z.vectors[rows], measure, threshold, precision)
    near = near._replace(i=rows[near.i], j=rows[near.j])
    equal = Pairs(first[again], again, np.ones(len(again)), np.ones(len(again)))
    pairs = [
        Pair(z.names[i], z.names[j], (int(i), int(j)), float(similarity), _or_none(probability), equal=result is equal)
        for result in (equal, near)
        for i, j, similarity, probability in zip(*result, strict=True)
    ]
    groups = _groups(z.names, near, equal)
    recall = None
    if measure is not None and threshold is None:
        recall = measure.recall(float(near.probability.min()) if len(near.i) else PROBABLE)
    return Duplicates(
        pairs=pairs,
        groups=groups,
        items=len(z),
        precision=_or_none(np.concatenate([equal.probability, near.probability]).mean()) if pairs else None,
        threshold=threshold,
        measured=measure.name if measure else "",
        recall=recall,
        warnings=[
            *_reservations(measure, threshold, len(rows)),
            *_large(groups, len(z), _reason(len(again), recall, threshold, alone=evidence is None)),
        ],
    )


def _or_none(probability: float) -> float | None:
    return None if np.isnan(probability) else float(probability)


def _check(z: Embeddings, threshold: float | None, precision: float) -> None:
    if not isinstance(z, Embeddings):
        raise InputError(f"Near-duplicates are found among embeddings: embed the data first. Got {type(z).__name__}.")
    if threshold is not None and not -1 < threshold <= 1:
        raise InputError(f"threshold is a cosine similarity above -1 and at most 1. Got {threshold}.")
    if not 0 < precision <= 1:
        raise InputError(f"precision is a share above 0 and at most 1. Got {precision}.")
    broken = np.flatnonzero(~np.isfinite(z.lengths))
    if len(broken):
        raise InputError(
            f"{len(broken)} of {len(z)} vectors hold NaN or infinity; the first is that of '{z.names[broken[0]]}'. "
            "Embed those items again, or leave them out."
        )


def _near(
    vectors: Float32[np.ndarray, "n d"], measure: Measure | None, threshold: float | None, precision: float
) -> Pairs:
    """The listed pairs among distinct items."""
    if measure is None and threshold is None:
        return Pairs(*np.zeros((2, 0), dtype=np.int64), *np.zeros((2, 0)))
    z = unit(vectors - vectors.mean(axis=0))
    i, j = measure.pairs if measure and threshold is None else _above(z, threshold or 0.0)
    similarity = 1 - apart(z, i, z, j).astype(np.float64) ** 2 / 2
    if measure is None:
        order = np.argsort(-similarity, kind="stable")
        return Pairs(i[order], j[order], similarity[order], np.full(len(order), np.nan))
    close = measure.closeness(i, j)
    order = np.argsort(-close if threshold is None else -similarity, kind="stable")
    probability = measure.probability(close[order])
    result = Pairs(i[order], j[order], similarity[order], probability)
    if threshold is not None:
        return result
    mean = np.cumsum(probability) / np.arange(1, len(probability) + 1)
    return Pairs(*(each[(probability >= PROBABLE) & (mean >= precision)] for each in result))


def _above(z: Float32[np.ndarray, "n d"], threshold: float) -> tuple[Int64[np.ndarray, " p"], Int64[np.ndarray, " p"]]:
    """The pairs i < j of at least this similarity, computed in blocks of rows."""
    height, result, count = max(1, CELLS // max(1, len(z))), [np.zeros((2, 0), dtype=np.int64)], 0
    for start in range(0, len(z), height):
        i, j = np.nonzero(np.triu(z[start : start + height] @ z[start:].T >= threshold - 1e-6, 1))
        result.append(np.stack([i, j]) + start)
        count += len(i)
        if count > MOST:
            raise InputError(
                f"More than {MOST:,} pairs have a similarity of at least {threshold:g}. Give a higher threshold."
            )
    i, j = np.concatenate(result, axis=1)
    return i, j


def _groups(names: Sequence[str], near: Pairs, equal: Pairs) -> list[Group]:
    """Complete groups of distinct items, each with the items equal to one of them; the largest first."""
    members: dict[int, list[int]] = {}
    for i, j in zip(equal.i.tolist(), equal.j.tolist(), strict=True):
        members.setdefault(i, [i]).append(j)
    pairs = list(zip(near.i.tolist(), near.j.tolist(), strict=True))
    probability = dict(zip(pairs, near.probability.tolist(), strict=True))
    groups = []
    for group in complete_groups(pairs):
        least = min(probability[pair] for pair in itertools.combinations(group, 2))
        rows = sorted(row for each in group for row in members.pop(each, [each]))
        groups.append(Group([names[row] for row in rows], rows, _or_none(least)))
    groups += [Group([names[row] for row in rows], rows, 1.0) for rows in members.values()]
    return sorted(groups, key=lambda group: (-len(group.index), group.index[0]))


def _reservations(measure: Measure | None, threshold: float | None, different: int) -> list[str]:
    """Warnings about the probabilities."""
    if measure is None:
        if threshold is not None:
            return []
        return [f"With {different} distinct items only equal ones are listed; near-duplicates need {FEWEST}."]
    if measure.planted is None:
        return [
            "The probabilities rest on these vectors alone: to plant copies as a test, give the model and its data."
        ]
    return []


def _large(groups: Sequence[Group], items: int, reason: str) -> list[str]:
    """A warning about a group that is too large for copies, with the reason."""
    largest = len(groups[0].index) if groups else 0
    return [f"A group has {largest:,} of {items:,} items: {reason}."] if largest > max(2, LARGE * items) else []


def _reason(again: int, recall: float | None, threshold: float | None, *, alone: bool) -> str:
    """The reason for a large group, where ``again`` items or, if ``alone``, vectors are equal to others."""
    if again and not alone:
        return f"{again:,} items are equal to others, so the data repeats itself"
    if threshold is not None:
        return "the threshold is low for these vectors"
    if recall is None:
        return "the items are that similar or the model has collapsed; only the model and its data can tell which"
    if recall < DISTINGUISHED:
        return f"the vectors have collapsed: only {recall:.0%} of planted copies are distinguished from other items"
    return f"the items are that similar: {recall:.0%} of planted copies are distinguished from other items"
