r"""CoSENT: rank the cosines of pairs as their similarity scores are ranked.

    loss = log( 1 + sum_{(i, j): y_i > y_j} e^{(c_j - c_i)/t} ),     c_i = cos(z_i, z_i')

Su 2022, "CoSENT: a more effective sentence embedding scheme than Sentence-BERT", kexue.fm/archives/8847; one case of
the circle loss of Sun et al. 2020, arXiv:2002.10857, eq. 1.  Only the order of the scores y counts, of all pairs of a
batch, and h itself is compared.
Use when: pairs come with a similarity score or grade, or with a yes and a no.
Relations: ``siamese`` uses a margin between distances of positive and negative pairs, and so only yes and no;
``simcse`` needs positive pairs only.  With one positive pair and several negative ones it is ``info_nce``.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from counterpoint.comparison import Comparison, cosine, wide
from counterpoint.encoders.batched_views import together
from counterpoint.errors import InputError
from counterpoint.interfaces import ItemInfo, Losses, Method, Vectors, Views
from counterpoint.negatives.paired_rows import Facing
from counterpoint.plans import within


class CoSENT(Method):
    """An encoder and a head for both items of a pair."""

    needs_scores = True
    usual: ClassVar = {"temperature": 0.05, "head_layers": 0}

    def __init__(self, encoder: nn.Module, head: nn.Module, *, temperature: float = 0.05) -> None:
        super().__init__()
        within("temperature", temperature, 0.001)
        self.encoder, self.head, self.temperature = encoder, head, temperature

    def project(self, views: Views) -> Vectors:
        return together(lambda view: self.head(self.encoder(view)), views)

    def compare(self, vectors: Vectors, items: ItemInfo) -> Losses:
        y = items.scores
        if y is None:
            raise InputError("cosent compares pairs whose scores are known. Give pairs and their scores.")
        first, second = (wide(each) for each in vectors)
        c = functional.cosine_similarity(first, second) / self.temperature
        wrong = (c[None, :] - c[:, None])[y[:, None] > y[None, :]]
        return torch.cat([wrong.new_zeros(1), wrong]).logsumexp(dim=0).expand(len(first))

    def watched(self, vectors: Vectors, items: ItemInfo) -> Comparison | None:
        """Pairs whose score is above the mean against the others."""
        if items.scores is None:
            return None
        first, second = vectors
        higher = items.scores > items.scores.float().mean()
        return Comparison(first, second, Facing(higher, torch.arange(len(higher), device=higher.device)), cosine)
