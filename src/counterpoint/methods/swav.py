r"""SwAV: predict the cluster assignment of one view of an item from its other views.

    s = cos(z, c_k) for K prototypes c,     q = codes of one full-size view,   p = softmax(s / t) of another view
    loss = -mean over such pairs of sum_k q_k log p_k
    codes: q = diag(u) e^{s / epsilon} diag(v), so that every prototype gets the same share of the batch

Caron et al. 2020, arXiv:2006.09882, eq. 2 to 5 and algorithm 1; codes have no gradient.  Unlike in the paper there is
no queue of earlier batches, and prototypes learn from the first step; the paper's ``epsilon`` is 0.05, for 3,000
prototypes and batches of thousands: with fewer, such smooth codes hardly distinguish items.
Use when: there is much data, and time for local views, which it was designed for.
Relations: with codes from an EMA teacher, balanced by a centre, it is ``dino``; ``simclr`` compares with items instead.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.comparison import Comparison, cosine, wide
from counterpoint.encoders.batched_views import together
from counterpoint.heads import Prototypes, outputs_of
from counterpoint.interfaces import ItemInfo, Losses, Method, Vectors, Views
from counterpoint.negatives.in_batch import in_batch
from counterpoint.plans import within


class SwAV(Method):
    """An encoder, a head, and ``prototypes``."""

    local_views = True

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        *,
        temperature: float = 0.1,
        epsilon: float = 0.015,
        prototypes: int = 256,
    ) -> None:
        super().__init__()
        within("temperature", temperature, 0.001)
        within("epsilon", epsilon, 0.001)
        self.encoder, self.head = encoder, head
        self.prototypes = Prototypes(outputs_of(head), prototypes)
        self.temperature, self.epsilon = temperature, epsilon

    def project(self, views: Views) -> Vectors:
        return together(nn.Sequential(self.encoder, self.head), views)

    def compare(self, vectors: Vectors, items: ItemInfo) -> Losses:
        scores = [self.prototypes(wide(z)) for z in vectors]
        losses = []
        for usual in (0, 1):
            q = balanced(scores[usual].detach(), epsilon=self.epsilon)
            for other in scores[:usual] + scores[usual + 1 :]:
                losses.append(-(q * functional.log_softmax(other / self.temperature, dim=1)).sum(dim=1))
        return torch.stack(losses).mean(dim=0)

    def watched(self, vectors: Vectors, items: ItemInfo) -> Comparison:
        return in_batch(vectors[:2], items.index, cosine)


def balanced(scores: Float[Tensor, "b k"], *, epsilon: float, rounds: int = 3) -> Float[Tensor, "b k"]:
    """Codes: assignments of items to prototypes, such that all prototypes get the same share of the batch.

    Sinkhorn-Knopp iterations on logarithms, which do not overflow with a small epsilon. Two items that are both closest
    to the first prototype share the two, each taking more of the one it is closer to:

    >>> (100 * balanced(torch.tensor([[1.0, 0.0], [0.6, 0.4]]), epsilon=0.1, rounds=20)).round().tolist()
    [[98.0, 2.0], [2.0, 98.0]]
    """
    log = scores / epsilon
    for _ in range(rounds):
        log = log - log.logsumexp(dim=0)
        log = log - log.logsumexp(dim=1, keepdim=True)
    return log.exp()
