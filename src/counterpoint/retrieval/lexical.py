r"""Lexical retrieval: the baselines that every text encoder has to beat.

    TF-IDF   s(q, d) = cosine of (1 + log tf) idf,         idf_t = 1 + log((1 + n) / (1 + df_t))
    BM25     s(q, d) = sum_t idf_t tf (k + 1) / (tf + k (1 - b + b |d| / mean |d|)),
             idf_t = log(1 + (n - df_t + 0.5) / (df_t + 0.5)),      k = 1.2, b = 0.75

Robertson & Zaragoza 2009, "The probabilistic relevance framework: BM25 and beyond", eq. 3.15, with an idf that is never
negative, as in Lucene.  Words are runs of letters and digits, without case.

>>> documents = ["the cat sat", "a dog barked", "the dog and the cat"]
>>> bm25(documents)(["cat"]).argmax(axis=1).tolist(), tfidf(documents)(["dog barked"]).argmax(axis=1).tolist()
([0], [1])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32

Find = Callable[[Sequence[str]], Float32[np.ndarray, "q n"]]
"""From queries to a score for each document."""

WORD = r"(?u)\b\w+\b"
K, B = 1.2, 0.75


def tfidf(documents: Sequence[str]) -> Find:
    """TF-IDF: the similarity of queries to each document by shared words, with rare ones weighted more."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    counter = TfidfVectorizer(token_pattern=WORD, sublinear_tf=True, dtype=np.float32)
    held = counter.fit_transform(documents)
    return lambda queries: _dense(counter.transform(queries) @ held.T)


def bm25(documents: Sequence[str]) -> Find:
    """BM25: the score of each document for a query by the query's words that it contains."""
    from scipy.sparse import coo_array
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(token_pattern=WORD, dtype=np.float32)
    held = coo_array(counter.fit_transform(documents))
    length = np.bincount(held.row, held.data, minlength=len(documents))
    among = np.bincount(held.col, minlength=held.shape[1])
    idf = np.log1p((len(documents) - among + 0.5) / (among + 0.5))
    slack = K * (1 - B + B * length / length.mean())
    weight = idf[held.col] * held.data * (K + 1) / (held.data + slack[held.row])
    weighed = coo_array((weight.astype(np.float32), (held.row, held.col)), shape=held.shape)
    turned = weighed.tocsr().T
    return lambda queries: _dense(counter.transform(queries) @ turned)


def _dense(result: Any) -> Float32[np.ndarray, "q n"]:
    return np.asarray(result.toarray(), dtype=np.float32)
