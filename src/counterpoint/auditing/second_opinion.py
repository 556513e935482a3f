"""A second opinion on copies: whether what no model has learned says so too.

Pictures have a perceptual hash and texts a MinHash; of rows and series the largest difference of a standardised number
is taken.  It agrees where two items are as alike by it as nine of ten copies that were planted are to their originals.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Int64

from counterpoint.retrieval.planted_copies import Evidence

MISSED = 0.1
"""Share of planted copies that it may disagree with."""


def second_opinion(
    known: Evidence, i: Int64[np.ndarray, " p"], j: Int64[np.ndarray, " p"]
) -> Bool[np.ndarray, " p"] | None:
    """Whether each pair is one of copies by content alone; None where no copies could be planted."""
    planted = known.planted
    if planted is None:
        return None
    if known.hashes is not None and planted.hashes is not None:
        one, copies = known.hashes, planted.hashes
        usual = (one[planted.rows] == copies).mean(axis=1)
        alike = (one[i] == one[j]).mean(axis=1)
    else:
        usual = -_largest(known.features[planted.rows], planted.features)
        alike = -_largest(known.features[i], known.features[j])
    agrees: np.ndarray = alike >= np.quantile(usual, MISSED)
    return agrees


def _largest(one: Float32[np.ndarray, "p f"], other: Float32[np.ndarray, "p f"]) -> Float32[np.ndarray, " p"]:
    largest: np.ndarray = np.abs(one - other).max(axis=1, initial=0)
    return largest
