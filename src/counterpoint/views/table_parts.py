r"""Cut rows of a table into columns, and fill masked ones from other rows of the data, as ``corrupt`` does.

x_j(S) = x_j            for a column j of S,
         pool_rj        for all others, a random row r for each column
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from counterpoint.errors import InputError
from counterpoint.interfaces import Parts
from counterpoint.views.table_views import from_marginals

MOST, DRAWS = 64, 8
"""The most parts of a row, beyond which neighbouring columns form one part; random fills to average over."""


def groups_of_columns(names: Sequence[str], contents: Sequence[str]) -> Parts:
    """The parts of a row with these columns and cells.

    >>> groups_of_columns(["age", "town"], ["45", "Bath"])[:3]
    (['age', 'town'], [(0, 1), (1, 2)], ['45', 'Bath'])
    """
    places = _cut(len(names))
    return Parts(
        [", ".join(names[first:end]) for first, end in places],
        places,
        [", ".join(contents[first:end]) for first, end in places],
        DRAWS,
    )


def with_columns(
    row: Float[Tensor, "1 d"],
    kept: Bool[Tensor, "m n"],
    key: Int64[Tensor, " m"],
    *,
    pool: Float[Tensor, "p d"],
    groups: Int64[Tensor, " d"],
) -> Float[Tensor, "m d"]:
    """The row once for each mask, True where a part is kept; ``groups`` as for ``corrupt``.

    Raises:
        InputError: There is only one row to fill from, so masks would change nothing.
    """
    if len(pool) < 2:
        raise InputError(
            "Masked columns are filled from other rows of the data, and only one row is available. Give the data as "
            "source."
        )
    sizes = torch.tensor([end - first for first, end in _cut(int(groups.max()) + 1)], device=kept.device)
    replaced = ~kept[:, torch.repeat_interleave(sizes)]
    return from_marginals(row.expand(len(kept), -1), key, replaced, pool=pool, groups=groups)


def _cut(columns: int) -> list[tuple[int, int]]:
    """The first and the end column of each part."""
    together = math.ceil(columns / MOST)
    return [(first, min(first + together, columns)) for first in range(0, columns, together)]
