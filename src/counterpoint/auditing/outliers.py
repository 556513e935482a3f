r"""Off-topic items: first version, to be settled by measurement."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32

from counterpoint.data.subset import spread
from counterpoint.embeddings import Embeddings
from counterpoint.retrieval.local_scaling import unit
from counterpoint.retrieval.mixture import copy_probability
from counterpoint.retrieval.nearest import nearest

MOST, SHARE = 20_000, 0.06


def outlier_scores(vectors: Float32[np.ndarray, "n d"], *, seed: int = 0) -> Float[np.ndarray, " n"]:
    z = unit(vectors - vectors.mean(axis=0))
    rows = spread(len(z), MOST)
    similarity = nearest(Embeddings(z[rows], [""] * len(rows)), z, k=max(5, round(SHARE * len(rows))))[1]
    score: Float[np.ndarray, " n"] = np.sqrt(np.maximum(2 - 2 * similarity[:, -1], 1e-6)).astype(np.float64)
    return score


def outlier_probability(score: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    return copy_probability(score, None)(score)
