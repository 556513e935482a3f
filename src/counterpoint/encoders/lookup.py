r"""An embedding table of words; the representation of a text is the mean of its words' vectors.

    h = 1/l sum_t v_t          v_t the vector of the t-th of l words

Use when: word vectors are the goal, with ``skipgram``; or texts by known word vectors.
Relations: ``bag`` weights its tokens, which are subwords initialised by their spelling.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.encoders.length_buckets import written_down


class Lookup(nn.Module):
    """Words (b, l), padded with ``pad``, to representations (b, outputs)."""

    def __init__(self, counts: Float[Tensor, " v"], *, pad: int, width: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter((torch.rand(len(counts), width) - 0.5) / width)
        self.counts = counts
        """The count of every word in the texts."""
        self.pad = pad
        self.outputs = width

    def forward(self, words: Int64[Tensor, "b l"]) -> Float[Tensor, "b h"]:
        there = (words != self.pad).to(self.vectors.dtype)
        mean: Tensor = summed(words, self.vectors, there) / there.sum(dim=1, keepdim=True).clamp(min=1)
        return mean


def summed(
    words: Int64[Tensor, "b l"], vectors: Float[Tensor, "v d"], weights: Float[Tensor, "b l"]
) -> Float[Tensor, "b d"]:
    """The weighted sum of the vectors of the words of every text."""
    if written_down():  # the other branch is faster
        met: Tensor = torch.bmm(weights[:, None], functional.embedding(words, vectors))
        return met.squeeze(1)
    added: Tensor = functional.embedding_bag(words, vectors, mode="sum", per_sample_weights=weights)
    return added


def lookup(pieces: Sequence[str], counts: Float[Tensor, " v"], *, pad: int, width: int | None = None) -> Lookup:
    """Vectors of width ``width`` (100) for the words of a vocabulary and their counts.

    They are initialised uniformly in [-1 / (2 width), 1 / (2 width)], as in word2vec.

    >>> network = lookup(["[PAD]", "no", "way"], torch.ones(3), pad=0, width=8)
    >>> one, other = network(torch.tensor([[1, 2, 0], [2, 1, 0]]))
    >>> torch.allclose(one, other), one.shape
    (True, torch.Size([8]))
    """
    return Lookup(counts, pad=pad, width=width or 100)
