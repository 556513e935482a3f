"""All checks of a collection: from vectors, labels, groups and metadata to the review queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from counterpoint.auditing.balance import coverage, imbalance
from counterpoint.auditing.class_overlap import class_overlap
from counterpoint.auditing.decisions import Decisions
from counterpoint.auditing.findings import PROBABLE, Audit, Copies, Outlier, SuspiciousLabel
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
"""The fewest items of an audit."""


@dataclass(frozen=True, kw_only=True)
class Collection:
    """Vectors of n items and, behind them, of a test set; and labels, groups and metadata of the n items."""

    vectors: Float32[np.ndarray, "m d"]
    names: Sequence[str]
    items: int
    groups: Sequence[str | None] | None = None
    group_ids: Int64[np.ndarray, " n"] | None = None
    labels: Labels | None = None
    evidence: Evidence | None = None
    metadata: Mapping[str, Sequence[Any]] | None = None
    shared_groups: Sequence[str] = ()

    @classmethod
    def of(
        cls,
        items: Items,
        vectors: Float32[np.ndarray, "m d"],
        names: Sequence[str],
        *,
        labels: Labels | None = None,
        evidence: Evidence | None = None,
        metadata: Mapping[str, Sequence[Any]] | None = None,
        shared_groups: Sequence[str] = (),
    ) -> Collection:
        """The collection of some items, with their groups.

        Raises:
            InputError: There are fewer than ``FEWEST`` items.
        """
        if len(items) < FEWEST:
            raise InputError(f"An audit compares items with each other and needs at least {FEWEST}. Got {len(items)}.")
        groups = info_of(items).groups
        return cls(
            vectors=vectors,
            names=names,
            items=len(items),
            groups=None if groups is None else [None if each is None else str(each) for each in groups],
            group_ids=group_ids(items),
            labels=labels,
            evidence=evidence,
            metadata=metadata,
            shared_groups=shared_groups,
        )

    @property
    def train(self) -> Float32[np.ndarray, "n d"]:
        """The vectors of the items."""
        vectors: np.ndarray = self.vectors[: self.items]
        return vectors

    @property
    def test(self) -> Float32[np.ndarray, "t d"]:
        """The vectors of the test set."""
        vectors: np.ndarray = self.vectors[self.items :]
        return vectors


def run_checks(collection: Collection, decisions: Decisions, *, seed: int = 0) -> Audit:
    """Run every check, and rank the items with issues in one queue.

    Args:
        collection: The items, and their labels, groups and metadata.
        decisions: Those of earlier reviews, by name.
        seed: Names the folds and the draws.

    Raises:
        InputError: A vector contains NaN.
        LabelError: The labels cannot be cross-validated.
    """
    z = Embeddings(collection.vectors, collection.names)
    result = duplicates(z, precision=PROBABLE, evidence=collection.evidence)
    within = [pair for pair in result.pairs if max(pair.index) < collection.items]
    folded = _inseparable(collection, within)
    copies, outliers = _copies(within, collection.evidence), _outliers(collection)
    leakage = leaks(result.pairs, collection.items, collection.groups)
    labels, scores = collection.labels, None
    if labels is not None:
        scores = label_scores(collection.train, labels.class_ids, folded, classes=len(labels.classes), seed=seed)
    suspicious = [] if labels is None or scores is None else _suspicious(collection.names, labels, scores)
    queue = review_queue(reasons(copies, leakage, outliers, suspicious, collection.names), collection.names)
    return Audit(
        items=collection.items,
        duplicates=copies,
        outliers=outliers,
        labels=suspicious,
        leakage=leakage,
        shortcuts=_shortcuts(collection, folded, seed),
        overlap=[]
        if labels is None or scores is None
        else class_overlap(scores.predicted, labels.class_ids, labels.classes),
        queue=queue,
        review=review(queue, decisions, collection.names[: collection.items], seed=seed),
        balance=None if labels is None else imbalance(labels.counts()),
        coverage=coverage(collection.train, collection.test) if len(collection.test) else None,
        shared_groups=collection.shared_groups,
        measured=result.measured,
        test_items=len(collection.test),
        warnings=result.warnings,
    )


def _inseparable(collection: Collection, pairs: Sequence[Pair]) -> Int64[np.ndarray, " n"]:
    """The id of every item's set of items that no fold may split: those of a group, and near-duplicates."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = collection.items
    links = [np.asarray([pair.index for pair in pairs], dtype=np.int64).reshape(-1, 2)]
    if collection.group_ids is not None:
        _, first, group = np.unique(collection.group_ids, return_index=True, return_inverse=True)
        links.append(np.stack([np.arange(count), first[group.reshape(-1)]], axis=1))
    i, j = np.concatenate(links).T
    graph = coo_array((np.ones(len(i)), (i, j)), shape=(count, count))
    component: np.ndarray = connected_components(graph, directed=False)[1].astype(np.int64)
    return component


def _copies(pairs: Sequence[Pair], evidence: Evidence | None) -> list[Copies]:
    i, j = np.asarray([pair.index for pair in pairs], dtype=np.int64).reshape(-1, 2).T
    confirmed = None if evidence is None else second_opinion(evidence, i, j)
    return [
        Copies(
            items=(pair.a, pair.b),
            index=pair.index,
            probability=pair.probability,
            similarity=pair.similarity,
            equal=pair.equal,
            confirmed=None if confirmed is None else pair.equal or bool(confirmed[place]),
        )
        for place, pair in enumerate(pairs)
    ]


def _outliers(collection: Collection) -> list[Outlier]:
    """All items, the most isolated first."""
    features = None if collection.evidence is None else collection.evidence.features[: collection.items]
    score = outlier_scores(collection.train, features)
    probability = outlier_probability(score)
    return [
        Outlier(collection.names[row], row, round(float(score[row]), 6), round(float(probability[row]), 6))
        for row in np.argsort(-score, kind="stable").tolist()
    ]


def _suspicious(names: Sequence[str], labels: Labels, scores: LabelScores) -> list[SuspiciousLabel]:
    """The items whose labels were tested, the most suspicious first."""
    rows = np.flatnonzero(~np.isnan(scores.score))
    return [
        SuspiciousLabel(
            item=names[row],
            index=row,
            given=labels.classes[labels.class_ids[row]],
            likely=labels.classes[scores.likely[row]],
            score=round(float(scores.score[row]), 6),
            probability=round(float(scores.probability[row]), 6),
        )
        for row in rows[np.argsort(-scores.score[rows], kind="stable")].tolist()
    ]


def _shortcuts(collection: Collection, folded: Int64[np.ndarray, " n"], seed: int) -> list[Shortcut]:
    if not collection.metadata:
        return []
    class_ids = None if collection.labels is None else collection.labels.class_ids
    return shortcuts(collection.metadata, collection.train, class_ids, folded, seed=seed)
