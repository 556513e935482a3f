r"""Skip-gram with negative sampling (word2vec): distinguish the words around a word from random ones.

    loss = -log sigmoid(v_w . u_c) - k E_{n ~ P} log sigmoid(-v_w . u_n)
    P(n) ~ count(n)^(3/4),     a word stays in the text with probability sqrt(t / f) + t / f,  f its share of it

Mikolov et al. 2013, arXiv:1310.4546, eq. 4 and 5 (5 as in its code); for every word w of a text and every c at most r
words away in the subsampled text, r in 1 .. window drawn anew for each w.  v are the encoder's vectors, u a second
table that is dropped after training.  Consecutive words share their negatives, so that everything is matrix products
(Ji et al. 2016, arXiv:1604.04661), weighted so that the expectation is the same.
The draws are a function of the step, like dropout.
Use when: words in similar contexts shall have similar vectors.
Relations: the objective ``sigmoid`` on pairs of words; ``simcse`` does for texts what this does for words.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.comparison import wide
from counterpoint.encoders.lookup import Lookup
from counterpoint.errors import PlanError, counted
from counterpoint.interfaces import ItemInfo, Losses, Method, Vectors, Views
from counterpoint.negatives.nearby import nearby
from counterpoint.plans import within

ROW = 32
"""Consecutive words that share their negatives, of which there are as many."""


class SkipGram(Method):
    """Vectors of words, and a second table of vectors for their contexts."""

    views = 1
    encoder: Lookup
    optimizers = ("adagrad",)
    usual: ClassVar = {"encoder": "lookup", "views": "dropout", "optimizer": "adagrad", "batch_size": 1536}

    def __init__(
        self, encoder: nn.Module, head: nn.Module, *, window: int = 5, negatives: int = 5, sample: float = 1e-3
    ) -> None:
        super().__init__()
        if not isinstance(encoder, Lookup):
            raise PlanError("skipgram learns a vector for every word of a text. Use --encoder=lookup, or leave it out.")
        within("window of skipgram", window, 1, kind=int)
        within("negatives of skipgram", negatives, 0, kind=int)
        within("sample of skipgram", sample, 1e-9, 1)
        self.encoder, self.window, self.each = encoder, window, negatives
        self.around = nn.Parameter(torch.zeros_like(encoder.vectors))
        if (count := int(encoder.counts.sum())) <= window:
            raise PlanError(
                f"The text has {counted(count, 'word')} in all, and the window is {window}. Give more text, or a "
                "smaller window."
            )
        rare = sample * encoder.counts.sum() / encoder.counts.clamp(min=1)
        self.stays: Tensor
        self.drawn: Tensor
        self.register_buffer("stays", rare.sqrt() + rare, persistent=False)
        self.register_buffer("drawn", encoder.counts.double().pow(0.75).cumsum(0), persistent=False)

    def project(self, views: Views) -> Vectors:
        text, words = self._staying(views[0])
        rows, beyond = max(1, -(-len(words) // ROW)), self.window
        reach = (beyond, beyond + rows * ROW - len(words))
        words = functional.pad(words, reach, value=self.encoder.pad).unfold(0, ROW + 2 * beyond, ROW)
        text = functional.pad(text, reach, value=-1).unfold(0, ROW + 2 * beyond, ROW)
        middle = slice(beyond, beyond + ROW)
        luck = torch.rand(rows, ROW, dtype=torch.float64, device=words.device)
        others = torch.searchsorted(self.drawn, luck * self.drawn[-1], right=True)
        v = functional.embedding(words[:, middle], self.encoder.vectors, sparse=True)
        u = functional.embedding(torch.cat([words, others], dim=1), self.around, sparse=True)
        alike = wide(torch.bmm(u, v.transpose(1, 2)))
        near = nearby(text, middle, window=self.window)
        pairs = near.sum(dim=1).to(alike.dtype)
        side = torch.where(torch.arange(alike.shape[1], device=alike.device) < near.shape[1], 1.0, -1.0)
        weight = torch.cat([near, (self.each / ROW * pairs)[:, None].expand(rows, ROW, ROW)], dim=1)
        lost = -(_log_sigmoid(side[:, None] * alike) * weight).sum(dim=1)
        whose = text[:, middle].clamp(min=0).flatten()
        sums = torch.stack([lost, pairs], dim=2).flatten(0, 1)
        return (sums.new_zeros(len(views[0]), 2).index_add(0, whose, sums),)

    def compare(self, vectors: Vectors, items: ItemInfo) -> Losses:
        lost, pairs = vectors[0].unbind(dim=1)
        return lost * len(lost) / pairs.sum().clamp(min=1)

    def _staying(self, view: Int64[Tensor, "b l"]) -> tuple[Int64[Tensor, " w"], Int64[Tensor, " w"]]:
        """The text and the id of every word that survives subsampling, one text after the other."""
        text, place = view.ne(self.encoder.pad).nonzero(as_tuple=True)
        words = view[text, place]
        stays = torch.rand(len(words), device=view.device) < self.stays[words]
        return text[stays], words[stays]


def _log_sigmoid(alike: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Several times as fast as torch's, and as exact in a sum; values are bounded below by -87."""
    return alike.sigmoid().clamp(min=1e-38).log()
