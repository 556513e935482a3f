r"""Benjamini-Hochberg: which items to flag so that the expected share of normal ones among those flagged is bounded.

    flag the k smallest p-values,     k = max{i: p_(i) <= q i / m}

Benjamini & Hochberg 1995, "Controlling the false discovery rate".  The p-values of items that share their calibration
are positively dependent, so that the share is at most q times that of normal items (Bates et al. 2023,
arXiv:2104.08279, theorem 2); this is shown for items that are independent of each other, not for several of one group.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64


def false_discovery_flags(p: Float64[np.ndarray, " m"], rate: float) -> Bool[np.ndarray, " m"]:
    """The items that are flagged at this false discovery rate.

    >>> false_discovery_flags(np.asarray([0.01, 0.5, 0.03, 0.04]), 0.06).tolist()
    [True, False, True, True]
    """
    m = len(p)
    ordered = np.sort(p)
    (below,) = np.nonzero(ordered <= rate * np.arange(1, m + 1) / m + 1e-12)
    return p <= ordered[below[-1]] if len(below) else np.zeros(m, dtype=bool)
