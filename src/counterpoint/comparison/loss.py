"""The loss of a comparison: exact for every objective, without ever holding a full n x m table.

Where the objective has a shortcut from row sums, that is used; else the table is computed in tiles of whole rows, each
recomputed in the backward pass (Chen et al. 2016, arXiv:1604.06174), so that only one tile exists at a time.
"""

from __future__ import annotations

import os

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from counterpoint.comparison.row_sums import by_shortcut
from counterpoint.comparison.table import Comparison, Objective

MOST = {"cpu": 1 << 20}
"""Similarities in one tile: on a CPU what its caches hold, elsewhere what keeps the device busy."""

ELSEWHERE = 1 << 24
BYTES = 1024
"""Free memory for each similarity of a tile: an objective and its gradient hold some ten tables."""


def entries_for(device: torch.device) -> int:
    """The number of similarities in a tile on this device: the most that is efficient, fewer if memory is short."""
    most = MOST.get(device.type, ELSEWHERE)
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
    elif "SC_AVPHYS_PAGES" in os.sysconf_names:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    else:
        return most
    return max(1, min(most, free // BYTES))


def loss_of(comparison: Comparison, objective: Objective, *, height: int | None = None) -> Float[Tensor, ""]:
    """The sum of the losses of all anchors; differentiable in the vectors and in learned parameters of the objective.

    ``height`` is the number of anchors in a tile; setting it disables the shortcut.
    """
    with torch.autocast(comparison.anchors.device.type, enabled=False):
        table = comparison.lifted()
        losses = by_shortcut(table, objective) if height is None else None
        if losses is not None:
            return losses.sum()
        count = len(table.anchors)
        height = height or max(1, entries_for(table.anchors.device) // max(1, len(table.candidates)))
        if height >= count:
            return objective(table.tile(slice(0, count))).sum()
        total = table.anchors.new_zeros(())
        for start in range(0, count, height):
            rows = slice(start, min(start + height, count))
            total = total + _tile_loss(table, objective, rows)
        return total


def _tile_loss(table: Comparison, objective: Objective, rows: slice) -> Float[Tensor, ""]:
    """The loss of some rows, recomputed in the backward pass."""

    def lost() -> Tensor:
        return objective(table.tile(rows)).sum()

    made: Tensor = checkpoint(lost, use_reentrant=False, preserve_rng_state=False)
    return made
