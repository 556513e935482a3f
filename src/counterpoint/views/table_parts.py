r"""Cut rows of a table into their columns, and draw some of them from the training data, as ``corrupt`` does.

x_j(S) = x_j            for a column j of S,
         pool_rj        for all others, r drawn anew for every column
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
"""Parts of a row at most, beyond which columns beside each other are one; and draws that make a good mean."""


def groups_of_columns(names: Sequence[str], contents: Sequence[str]) -> Parts:
    """The parts of a row with these columns, in which ``contents`` stands.

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
    """The row once for each row of ``kept``, other columns drawn; ``groups`` as of ``corrupt``.

    Raises:
        InputError: There is one row to draw from: then nothing would change.
    """
    if len(pool) < 2:
        raise InputError(
            "What stands in a column is replaced by what stands there in other rows, and only one row is known. Give "
            "the data as source."
        )
    sizes = torch.tensor([end - first for first, end in _cut(int(groups.max()) + 1)], device=kept.device)
    replaced = ~kept[:, torch.repeat_interleave(sizes)]
    return from_marginals(row.expand(len(kept), -1), key, replaced, pool=pool, groups=groups)


def _cut(columns: int) -> list[tuple[int, int]]:
    """The first column of every part and the one after its last."""
    together = math.ceil(columns / MOST)
    return [(first, min(first + together, columns)) for first in range(0, columns, together)]
