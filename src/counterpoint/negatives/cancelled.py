r"""Cancelled: suspected false negatives are left out.

    N'(i) = N(i) - F(i)          F(i) as in ``suspected``

Huynh et al. 2022, arXiv:2011.11765 (false negative elimination).
Use when: there are no labels and few classes, so that many negatives have the anchor's class, and you can check the
result: with clear classes it gained some points of accuracy, with others it lost some (figures in LOG.md).
Relations: ``attracted`` makes positives of them; ``other_labels`` uses labels instead; ``ring`` leaves out the easiest
too.
"""

from __future__ import annotations

from torch import nn

from counterpoint.comparison import Comparison, Tile
from counterpoint.interfaces import ItemInfo, Step
from counterpoint.negatives.suspected import Suspicion


class Cancelled(nn.Module):
    """Leaves out suspected false negatives, from a certain point of the run on."""

    def __init__(self, *, share: float | None = 0.02, above: float | None = None, after: float = 0.2) -> None:
        super().__init__()
        self.suspected = Suspicion(share, above, after)

    def forward(self, comparison: Comparison, items: ItemInfo) -> Comparison:
        """The comparison without suspected false negatives."""
        return comparison.sifted(self._without) if self.suspected.begun else comparison

    def _without(self, tile: Tile, part: Comparison) -> Tile:
        return tile._replace(negative=tile.negative & ~self.suspected.of(tile))

    def after_step(self, step: Step) -> None:
        """Record the progress of the run."""
        self.suspected.after_step(step)
