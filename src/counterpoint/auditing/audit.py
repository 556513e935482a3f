"""All checks on one collection: from vectors, and what is known besides, to one ranked queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int64

from counterpoint.auditing.balance import coverage, imbalance
from counterpoint.auditing.class_overlap import class_overlap
from counterpoint.auditing.decisions import PROBABLE, Decisions
from counterpoint.auditing.findings import Audit, Copies, Outlier, SuspiciousLabel
from counterpoint.auditing.leakage import leaks
from counterpoint.auditing.outliers import outlier_probability, outlier_scores
from counterpoint.auditing.reasons import reasons
from counterpoint.auditing.review import review
from counterpoint.auditing.review_queue import review_queue
from counterpoint.auditing.second_opinion import second_opinion
from counterpoint.auditing.shortcuts import Shortcut, shortcuts
from counterpoint.auditing.suspicious_labels import LabelScores, label_scores
from counterpoint.data.groups import group_ids
from counterpoint.data.labels import Labels
from counterpoint.embeddings import Embeddings
from counterpoint.errors import InputError
from counterpoint.interfaces import Items, info_of
from counterpoint.retrieval.duplicate_results import Pair
from counterpoint.retrieval.duplicates import duplicates
from counterpoint.retrieval.planted_copies import Evidence

FEWEST = 20
"""Items that are audited at least."""


@dataclass(frozen=True)
class Collection:
    """Vectors of n items and of those of a test set behind them, and what is known of the n besides."""

    vectors: Float32[np.ndarray, "m d"]
    names: Sequence[str]
    items: int
    groups: Sequence[str | None] | None = None
    group_ids: Int64[np.ndarray, " n"] | None = None
    read: Labels | None = None
    known: Evidence | None = None
    metadata: Mapping[str, Sequence[Any]] | None = None
    shared_groups: Sequence[str] = ()

    @classmethod
    def of(
        cls,
        items: Items,
        vectors: Float32[np.ndarray, "m d"],
        names: Sequence[str],
        *,
        read: Labels | None = None,
        known: Evidence | None = None,
        metadata: Mapping[str, Sequence[Any]] | None = None,
        shared_groups: Sequence[str] = (),
    ) -> Collection:
        """What is known of some items, with the groups that they bring.

        Raises:
            InputError: There are too few.
        """
        if len(items) < FEWEST:
            raise InputError(f"An audit compares items with one another and needs {FEWEST}. Got {len(items)}.")
        groups = info_of(items).groups
        names_of = None if groups is None else [None if each is None else str(each) for each in groups]
        return cls(vectors, names, len(items), names_of, group_ids(items), read, known, metadata, shared_groups)

    @property
    def train(self) -> Float32[np.ndarray, "n d"]:
        """The vectors of the items, without those of the test set."""
        part: np.ndarray = self.vectors[: self.items]
        return part


def audited(collection: Collection, decisions: Decisions, *, seed: int = 0) -> Audit:
    """Run every check, and put what they find into one queue."""
    pairs = duplicates(Embeddings(collection.vectors, collection.names), precision=PROBABLE, known=collection.known)
    inside = [pair for pair in pairs.pairs if max(pair.index) < collection.items]
    leaking = leaks(pairs.pairs, collection.items, collection.groups)
    together = _together(collection, inside)
    score = outlier_scores(collection.train)
    strange = outlier_probability(score)
    read, labels = collection.read, None
    if read is not None:
        labels = label_scores(collection.train, read.class_ids, together, classes=len(read.classes), seed=seed)
    copies = _copies(inside, collection.known)
    outliers = _ranked_outliers(collection, score, strange)
    suspicious = [] if read is None or labels is None else _ranked_labels(collection, read, labels)
    queue = review_queue(reasons(copies, leaking, outliers, suspicious, collection.names), collection.names)
    return Audit(
        items=collection.items,
        duplicates=copies,
        outliers=outliers,
        labels=suspicious,
        leakage=leaking,
        shortcuts=_shortcuts(collection, together, seed),
        overlap=[] if read is None or labels is None else class_overlap(labels.predicted, read.class_ids, read.classes),
        queue=queue,
        review=review(queue, decisions, collection.names[: collection.items], seed=seed),
        balance=None if read is None else imbalance(read.counts()),
        coverage=None
        if len(collection.vectors) == collection.items
        else coverage(collection.train, collection.vectors[collection.items :]),
        shared_groups=collection.shared_groups,
        measured=pairs.measured,
        test_items=len(collection.vectors) - collection.items,
        warnings=pairs.warnings,
    )


def _together(collection: Collection, pairs: Sequence[Pair]) -> Int64[np.ndarray, " n"]:
    """What no fold may part: items of one group, and copies of one another."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = collection.items
    links = [np.asarray([pair.index for pair in pairs], dtype=np.int64).reshape(-1, 2)]
    if collection.group_ids is not None:
        first = np.unique(collection.group_ids, return_index=True, return_inverse=True)
        links.append(np.stack([np.arange(count), first[1][first[2].reshape(-1)]], axis=1))
    i, j = np.concatenate(links).T
    graph = coo_array((np.ones(len(i)), (i, j)), shape=(count, count))
    numbers: np.ndarray = connected_components(graph, directed=False)[1].astype(np.int64)
    return numbers


def _copies(pairs: Sequence[Pair], known: Evidence | None) -> list[Copies]:
    index = np.asarray([pair.index for pair in pairs], dtype=np.int64).reshape(-1, 2)
    agrees = None if known is None else second_opinion(known, index[:, 0], index[:, 1])
    return [
        Copies(
            (pair.a, pair.b),
            pair.index,
            pair.probability,
            pair.similarity,
            pair.equal,
            None if agrees is None else bool(agrees[row]) or pair.equal,
        )
        for row, pair in enumerate(pairs)
    ]


def _ranked_outliers(
    collection: Collection, score: Float[np.ndarray, " n"], probability: Float[np.ndarray, " n"]
) -> list[Outlier]:
    return [
        Outlier(collection.names[row], row, round(float(score[row]), 6), round(float(probability[row]), 6))
        for row in np.argsort(-score, kind="stable").tolist()
    ]


def _ranked_labels(collection: Collection, read: Labels, labels: LabelScores) -> list[SuspiciousLabel]:
    rows = np.flatnonzero(~np.isnan(labels.score))
    return [
        SuspiciousLabel(
            collection.names[row],
            row,
            read.classes[read.class_ids[row]],
            read.classes[labels.likely[row]],
            round(float(labels.score[row]), 6),
            round(float(labels.probability[row]), 6),
        )
        for row in rows[np.argsort(-labels.score[rows], kind="stable")].tolist()
    ]


def _shortcuts(collection: Collection, together: Int64[np.ndarray, " n"], seed: int) -> list[Shortcut]:
    if not collection.metadata:
        return []
    class_ids = None if collection.read is None else collection.read.class_ids
    return shortcuts(collection.metadata, collection.train, class_ids, together, seed=seed)
