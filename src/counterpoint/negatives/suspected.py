r"""Suspected false negatives: candidates so similar to the anchor that they may well have its class.

    j in F(i)   where s_ij is among the largest  share * |N(i)|  of the anchor's negatives,  and s_ij >= above

Huynh et al. 2022, arXiv:2011.11765, who use both criteria (the ten most similar, above 0.7), judged by the most similar
of all views of the item.  Here each view is judged alone: with two views, the other one would raise precision by a
point or two (2 % most similar of 510 negatives, share of the anchor's class: Fashion-MNIST 0.60, by both views 0.62;
CIFAR-10 0.27 and 0.28), at the cost of a second table.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from counterpoint.comparison import Tile
from counterpoint.errors import PlanError
from counterpoint.interfaces import Step
from counterpoint.plans import within


class Suspicion(nn.Module):
    """Which negatives are suspected, and from when on: early in a run, similarity means little."""

    done: Tensor

    def __init__(self, share: float | None, above: float | None, after: float) -> None:
        super().__init__()
        if share is None and above is None:
            raise PlanError("Set what is suspected: share, of the most similar negatives, or above, a similarity.")
        if share is not None:
            within("share", share, 0, 0.9)
        if above is not None:
            within("above", above, -torch.inf)
        within("after", after, 0, 1)
        self.share, self.above, self.after = share, above, after
        self.register_buffer("done", torch.zeros((), dtype=torch.float64))

    @property
    def begun(self) -> bool:
        return float(self.done) >= self.after

    def of(self, tile: Tile) -> Bool[Tensor, "b m"]:
        """The suspected false negatives of every anchor."""
        score = tile.similarity.detach().masked_fill(~tile.negative, -torch.inf)
        result = tile.negative if self.above is None else tile.negative & (score >= self.above)
        if self.share is None:
            return result
        most = (self.share * tile.negative.sum(dim=1, keepdim=True).double()).round().long()
        order = score.argsort(dim=1, descending=True)
        rank = torch.arange(score.shape[1], device=score.device).expand_as(order)
        return result & torch.zeros_like(result).scatter_(1, order, rank < most)

    def after_step(self, step: Step) -> None:
        """Record the progress of the run, from 0 to 1."""
        self.done.fill_(step.number / step.total)
