r"""Which part of one item matches which part of another, from the table of each (``part_table.py``).

    table_ij = a_i . b_j,   interval_ij = table_ij -+ c sqrt(var(a_i . b_j) + var(b_j . a_i)),   singles_i = a_i . E[f']
    R2 = 1 - sum (g - g^)^2 / sum (g - mean g)^2,    g^(S, T) = f^(S) . f^'(T),  f^(S) = E f + sum_i (s_i - 1/2) a_i

R2 is computed on held-out masks, each of one item with each of the other: how well main effects and pairwise
interactions predict the similarity of the two when parts of both are masked.  c is the normal quantile at which all
intervals of a table hold simultaneously (Sidak 1967, "Rectangular confidence regions"): of 49 x 49 cells, 120 would lie
outside their own 95 % interval by chance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from counterpoint.errors import InputError
from counterpoint.explanation.part_table import PartTable

LEVEL = 0.95


class Match(NamedTuple):
    """How much each pair of parts, and each part alone, adds to the similarity of two items."""

    table: Float64[np.ndarray, "n m"]
    """The interaction of part i of the first item and part j of the second."""
    margins: Float64[np.ndarray, "n m"]
    """Half the width of the interval of each cell; 0 where the values are exact."""
    singles_a: Float64[np.ndarray, " n"]
    """The main effect of each part of the first item."""
    singles_b: Float64[np.ndarray, " m"]
    r2: float
    similarity: float

    @property
    def clear(self) -> Bool[np.ndarray, "n m"]:
        """Whether the interval of each cell excludes zero."""
        result: np.ndarray = np.abs(self.table) > np.maximum(self.margins, 1e-12)
        return result


def match(a: PartTable, b: PartTable) -> Match:
    """The table of a pair of items.

    Raises:
        InputError: The two tables are from different models, or from the same masks, which must be independent.
    """
    if a.model != b.model:
        raise InputError(
            f"Two items are explained by one model. Got tables from '{a.model[:12]}' and '{b.model[:12]}'."
        )
    if a.stream == b.stream:
        raise InputError(f"Two items are explained from independent masks. Both tables are from stream {a.stream}.")
    table = a.values @ b.values.T
    variance = _variance(a, b.values) + _variance(b, a.values).T
    return Match(
        table=table,
        margins=_quantile(table.size) * np.sqrt(variance),
        singles_a=a.values @ b.mean,
        singles_b=b.values @ a.mean,
        r2=_r2(a, b),
        similarity=float(a.unmasked @ b.unmasked),
    )


def _variance(table: PartTable, others: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "n m"]:
    """The variance of the product of each a_i with each of some fixed vectors."""
    result: np.ndarray = np.square(table.weights) @ np.square(table.residuals @ others.T)
    return result


def _r2(a: PartTable, b: PartTable) -> float:
    g = a.held_out_vectors @ b.held_out_vectors.T
    error = float(np.square(g - a.predicted(a.held_out) @ b.predicted(b.held_out).T).sum())
    spread = float(np.square(g - g.mean()).sum())
    return 1 - error / spread if spread > 1e-18 else float(error <= 1e-18)


def _quantile(cells: int) -> float:
    """The number of standard errors within which all of ``cells`` estimates lie with probability ``LEVEL``.

    >>> round(_quantile(1), 2), round(_quantile(2401), 1)
    (1.96, 4.3)
    """
    from scipy.stats import norm

    return float(norm.ppf((1 + LEVEL ** (1 / cells)) / 2))
