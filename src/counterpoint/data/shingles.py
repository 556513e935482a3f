r"""Shingles of texts, hashed to a vector: texts with much of their spelling in common have a large cosine.

    v_k(T) = sum over a in A(T) with k(a) = k of s(a) log(1 + n_a),     s(a) = +1 or -1,     v / |v|

A(T) are the runs of three to five characters within the words of a text, without case and punctuation, n_a is the
number of each, and k and s are hash functions, so that the cosine of two vectors estimates that of the counts: Broder
1997, "On the resemblance and containment of documents", with the feature hashing of Weinberger et al. 2009,
arXiv:0902.2206.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from counterpoint.embeddings import unit

SHORTEST, LONGEST, DIMENSIONS = 3, 5, 512
"""Characters of a shingle, and dimensions of the vector."""


def shingle_vectors(texts: Sequence[str]) -> Float32[np.ndarray, "b 512"]:
    """A unit vector for every text; zeros for one without letters and digits.

    >>> one, same, other = shingle_vectors(["Where is my card?", "where is MY card", "the weather in spring"])
    >>> bool((one == same).all()), bool(one @ other < 0.3)
    (True, True)
    """
    from sklearn.feature_extraction.text import HashingVectorizer

    plain = [" ".join(re.findall(r"\w+", text.casefold())) for text in texts]
    counts = HashingVectorizer(
        analyzer="char_wb", ngram_range=(SHORTEST, LONGEST), n_features=DIMENSIONS, norm=None
    ).transform(plain)
    counts.data = np.sign(counts.data) * np.log1p(np.abs(counts.data))
    return unit(counts.toarray().astype(np.float32))
