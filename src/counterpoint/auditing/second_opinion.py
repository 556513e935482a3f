"""A check of near-duplicates by their contents, without the model.

Images are compared by a perceptual hash and texts by their shingles, by cosine similarity; rows and series by the
largest difference of their standardised values.  A pair is confirmed if it is at least as similar as nine of
ten planted copies are to their originals.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Int64

from counterpoint.embeddings import unit
from counterpoint.retrieval.planted_copies import Evidence

MISSED = 0.1
"""Share of planted copies that are not confirmed."""


def second_opinion(
    evidence: Evidence, i: Int64[np.ndarray, " p"], j: Int64[np.ndarray, " p"]
) -> Bool[np.ndarray, " p"] | None:
    """Whether the contents confirm each pair of rows; None where no copies could be planted."""
    planted = evidence.planted
    if planted is None:
        return None
    if evidence.hashes is not None and planted.hashes is not None:
        of_planted = _cosine(evidence.hashes[planted.rows], planted.hashes)
        of_pairs = _cosine(evidence.hashes[i], evidence.hashes[j])
    else:
        of_planted = -_largest(evidence.features[planted.rows], planted.features)
        of_pairs = -_largest(evidence.features[i], evidence.features[j])
    confirmed: np.ndarray = of_pairs >= np.quantile(of_planted, MISSED)
    return confirmed


def _cosine(one: Float32[np.ndarray, "p h"], other: Float32[np.ndarray, "p h"]) -> Float32[np.ndarray, " p"]:
    """The cosine similarity of pairs of rows."""
    cosine: np.ndarray = np.einsum("ph,ph->p", unit(one), unit(other))
    return cosine


def _largest(one: Float32[np.ndarray, "p f"], other: Float32[np.ndarray, "p f"]) -> Float32[np.ndarray, " p"]:
    """The largest absolute difference."""
    largest: np.ndarray = np.abs(one - other).max(axis=1, initial=0)
    return largest
