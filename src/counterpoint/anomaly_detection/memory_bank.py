"""A memory bank: a share of the normal vectors that stands for all of them.

The real vector nearest to each centre of k-means, as in PaAno (Park & Kang 2026, arXiv:2602.01359).  The greedy
k-centre rule of PatchCore takes the most isolated vectors first, and so those anomalies that are among the normal ones.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from counterpoint.embeddings import unit
from counterpoint.errors import PlanError
from counterpoint.retrieval.nearest import neighbours


def memory_bank(
    vectors: Float32[np.ndarray, "n d"], *, share: float, least: int = 1, seed: int = 0
) -> Float32[np.ndarray, "b d"]:
    """At most this share of the vectors, and at least ``least``; with a share of 1 all of them.

    >>> memory_bank(np.eye(20, dtype=np.float32), share=0.25).shape[0] <= 5
    True

    Raises:
        PlanError: The share is not in (0, 1].
    """
    from sklearn.cluster import MiniBatchKMeans

    if not 0 < share <= 1:
        raise PlanError(f"The bank is a share of the normal items, above 0 and at most 1. Got bank={share:g}.")
    count = max(least, round(share * len(vectors)))
    if count >= len(vectors):
        return vectors
    directions = unit(vectors)
    clusters = MiniBatchKMeans(count, batch_size=max(1024, 3 * count), n_init=1, random_state=seed)
    centres = clusters.fit(directions).cluster_centers_
    kept = np.unique(neighbours(directions, centres.astype(np.float32), k=1)[0])
    bank: Float32[np.ndarray, "b d"] = vectors[kept]
    return bank
