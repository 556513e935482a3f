r"""Quality measures of a ranking.

    recall@k  = relevant among the first k / relevant
    MRR       = 1 / rank of the first relevant
    nDCG@10   = sum_{i <= 10} g_i / log2(i + 1)  over the same sum of the best order,     g_i the grade at rank i

Järvelin & Kekäläinen 2002, "Cumulated gain-based evaluation of IR techniques", with the linear gains of TREC.  Ties
count half a rank each, so a model for which all are equal is no better than chance.  Relevant items that are not among
the documents are never retrieved, but count in the number of relevant ones and in the best order.

>>> result = ranked(np.array([[0.9, 0.1, 0.5]], dtype=np.float32), np.array([[0, 0, 1]]))
>>> result["recall@1"].tolist(), result["mrr"].tolist()
([0.0], [0.5])
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, Shaped

AT = (1, 10, 100)
GAIN = 10


def ranked(alike: Float32[np.ndarray, "q n"], grades: Shaped[np.ndarray, "q m"]) -> dict[str, Float[np.ndarray, " q"]]:
    """Every measure for every query; ``recall@k`` only where k is smaller than the number of documents.

    Args:
        alike: The similarities of queries and documents.
        grades: The relevance of each document to each query, 0 for none; every query needs a relevant one. Columns
            after the n documents are relevant documents that are missing.
    """
    count = alike.shape[1]
    relevant = grades[:, :count] > 0
    total = (grades > 0).sum(axis=1)
    deep = min(max(AT), count)
    order = np.argpartition(-alike, deep - 1, axis=1)[:, :deep]
    order = np.take_along_axis(order, np.argsort(-np.take_along_axis(alike, order, axis=1), axis=1, kind="stable"), 1)
    result = np.take_along_axis(grades, order, axis=1)
    best = np.where(relevant, alike, -np.inf).max(axis=1, keepdims=True)
    rank = 1 + (alike > best).sum(axis=1) + ((alike == best) & ~relevant).sum(axis=1) / 2
    rank = np.where(relevant.any(axis=1), rank, np.inf)
    measures = {
        f"recall@{k}": (result[:, :k] > 0).sum(axis=1) / total if k > 1 else (rank < 1.5).astype(float)
        for k in AT
        if k < count
    }
    ideal = -np.sort(-grades, axis=1)
    return {**measures, "mrr": 1 / rank, f"ndcg@{GAIN}": _gain(result) / _gain(ideal)}


def _gain(grades: Shaped[np.ndarray, "q n"]) -> Float[np.ndarray, " q"]:
    first = grades[:, :GAIN]
    gained: np.ndarray = (first / np.log2(np.arange(first.shape[1]) + 2)).sum(axis=1)
    return gained
