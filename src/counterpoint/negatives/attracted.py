r"""Attracted: suspected false negatives become positives.

    P'(i) = P(i) + F(i),      N'(i) = N(i) - F(i)          F(i) as in ``suspected``

Huynh et al. 2022, arXiv:2011.11765 (false negative attraction); with the objective ``sup_con`` it is their loss.
Use when: there are many views of every item (ten in the paper), and the most similar negatives are nearly always of the
anchor's class. With two views a single false negative weighs as much as the true positive: no gain was measured
(figures in LOG.md).  Relations: ``cancelled`` leaves them out instead, which forgives errors.
"""

from __future__ import annotations

from torch import nn

from counterpoint.comparison import Comparison, Tile
from counterpoint.interfaces import ItemInfo, Step
from counterpoint.negatives.suspected import Suspicion


class Attracted(nn.Module):
    """Turns suspected false negatives into positives, from a certain point of the run on."""

    def __init__(self, *, share: float | None = 0.005, above: float | None = 0.7, after: float = 0.5) -> None:
        super().__init__()
        self.suspected = Suspicion(share, above, after)

    def forward(self, comparison: Comparison, items: ItemInfo) -> Comparison:
        """The comparison with suspected false negatives among the positives."""
        return comparison.sifted(self._attracting) if self.suspected.begun else comparison

    def _attracting(self, tile: Tile, part: Comparison) -> Tile:
        result = self.suspected.of(tile)
        return tile._replace(positive=tile.positive | result, negative=tile.negative & ~result)

    def after_step(self, step: Step) -> None:
        """Record the progress of the run."""
        self.suspected.after_step(step)
