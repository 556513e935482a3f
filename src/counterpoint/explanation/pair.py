r"""Which part of one item matches which part of another, from a table of each (``part_table.py``).

    table_ij = a_i . b_j,   interval_ij = table_ij -+ c sqrt(var(a_i . b_j) + var(b_j . a_i)),   singles_i = a_i . E[f']
    R2 = 1 - sum (g - g^)^2 / sum (g - mean g)^2,    g^(S, T) = f^(S) . f^'(T),  f^(S) = E f + sum_i (s_i - 1/2) a_i

R2 is over fresh masks, every one of the first item with every one of the second: whether adding up parts and pairs of
parts says how alike the items are when some parts are missing.  c is the normal quantile at which all intervals of a
table hold together (Sidak 1967, "Rectangular confidence regions"): in a table of 49 x 49 cells 120 would lie outside
their own 95 % interval by chance alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from counterpoint.errors import InputError
from counterpoint.explanation.part_table import PartTable

LEVEL = 0.95


class Match(NamedTuple):
    """How much every two parts of two items, and every part by itself, make the items alike."""

    table: Float64[np.ndarray, "n m"]
    margins: Float64[np.ndarray, "n m"]
    """Half of the interval around each cell; 0 where all masks were tried."""
    singles_a: Float64[np.ndarray, " n"]
    singles_b: Float64[np.ndarray, " m"]
    r2: float
    similarity: float

    @property
    def clear(self) -> Bool[np.ndarray, "n m"]:
        """Of every cell whether its interval leaves zero out."""
        result: np.ndarray = np.abs(self.table) > np.maximum(self.margins, 1e-12)
        return result


def match(a: PartTable, b: PartTable) -> Match:
    """The table of two items.

    Raises:
        InputError: Their tables are of different models, or of the same masks, which must be independent.
    """
    if a.model != b.model:
        raise InputError(f"Two items are explained by one model. Got tables by '{a.model[:12]}' and '{b.model[:12]}'.")
    if a.stream == b.stream:
        raise InputError(f"Two items are explained from different masks. Both tables are of stream {a.stream}.")
    table = a.values @ b.values.T
    variance = _variance(a, b.values) + _variance(b, a.values).T
    return Match(
        table=table,
        margins=_quantile(table.size) * np.sqrt(variance),
        singles_a=a.values @ b.mean,
        singles_b=b.values @ a.mean,
        r2=_explained(a, b),
        similarity=float(a.whole @ b.whole),
    )


def _variance(table: PartTable, others: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "n m"]:
    """The variance of the product of each part with each of some vectors."""
    result: np.ndarray = np.square(table.weights) @ np.square(table.residuals @ others.T)
    return result


def _explained(a: PartTable, b: PartTable) -> float:
    g = a.fresh_vectors @ b.fresh_vectors.T
    error = float(np.square(g - a.predicted(a.fresh) @ b.predicted(b.fresh).T).sum())
    spread = float(np.square(g - g.mean()).sum())
    return 1 - error / spread if spread > 1e-18 else float(error <= 1e-18)


def _quantile(cells: int) -> float:
    """How many standard errors all intervals of so many cells reach.

    >>> round(_quantile(1), 2), round(_quantile(2401), 2)
    (1.96, 4.26)
    """
    from scipy.stats import norm

    return float(norm.ppf((1 + LEVEL ** (1 / cells)) / 2))
