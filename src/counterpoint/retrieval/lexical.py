r"""Find by words: what every encoder of text has to beat.

    TF-IDF   s(q, d) = cosine of (1 + log tf) idf,         idf_t = 1 + log((1 + n) / (1 + df_t))
    BM25     s(q, d) = sum_t idf_t tf (k + 1) / (tf + k (1 - b + b |d| / mean |d|)),
             idf_t = log(1 + (n - df_t + 0.5) / (df_t + 0.5)),      k = 1.2, b = 0.75

Robertson & Zaragoza 2009, "The probabilistic relevance framework: BM25 and beyond", eq. 3.15, with an idf that is never
negative, as in Lucene.  Words are runs of letters and digits, without case.

>>> documents = ["the cat sat", "a dog barked", "the dog and the cat"]
>>> bm25(documents, ["cat"]).argmax(axis=1).tolist(), tfidf(documents, ["dog barked"]).argmax(axis=1).tolist()
([0], [1])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32

WORD = r"(?u)\b\w+\b"
K, B = 1.2, 0.75


def tfidf(documents: Sequence[str], queries: Sequence[str]) -> Float32[np.ndarray, "q n"]:
    """How alike queries and documents are by the words that they share, rare ones weighed more."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    counter = TfidfVectorizer(token_pattern=WORD, sublinear_tf=True, dtype=np.float32)
    held = counter.fit_transform(documents)
    return _dense(counter.transform(queries) @ held.T)


def bm25(documents: Sequence[str], queries: Sequence[str]) -> Float32[np.ndarray, "q n"]:
    """How well documents answer queries by the words of these that they hold."""
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
    return _dense(counter.transform(queries) @ weighed.tocsr().T)


def _dense(found: Any) -> Float32[np.ndarray, "q n"]:
    return np.asarray(found.toarray(), dtype=np.float32)
