r"""The score of CSI without its rotations: similarity to the nearest normal item, times the length of the vector.

    s(x) = -max_j cos(h(x), h_j) |h(x)|

Tack, Mo, Jeong & Shin 2020, "CSI: Novelty detection via contrastive learning on distributionally shifted instances",
arXiv:2007.08176, eq. 6: contrastive training makes the vectors of what it has learned from longer.

Use when: the encoder was trained on normal items alone.  Vectors of an .npz file have length 1, and tell less.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from jaxtyping import Float32, Float64

from counterpoint.anomaly_detection.memory_bank import memory_bank
from counterpoint.anomaly_detection.scorer import Score
from counterpoint.retrieval.nearest import neighbours


def norm_knn(normal: Float32[np.ndarray, "n d"], *, bank: float = 1.0) -> Score:
    """Negative product of the largest cosine similarity to normal vectors, or a share ``bank`` of them, and the length.

    >>> score = norm_knn(np.asarray([[1, 0], [1, 0]], dtype=np.float32))
    >>> score(np.asarray([[2, 0], [3, 4]], dtype=np.float32)).round(6).tolist()
    [-2.0, -3.0]
    """
    return partial(_negative_product, kept=memory_bank(normal, share=bank))


def _negative_product(
    vectors: Float32[np.ndarray, "m d"], *, kept: Float32[np.ndarray, "b d"]
) -> Float64[np.ndarray, " m"]:
    similarity = neighbours(kept, vectors, k=1)[1][:, 0].astype(np.float64)
    product: np.ndarray = -similarity * np.linalg.norm(vectors.astype(np.float64), axis=1)
    return product
