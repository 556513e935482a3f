r"""TF-IDF of rows of tokens, the classical features of texts.

    w_t = (1 + log count_t) (1 + log((1 + n) / (1 + df_t))),    scaled to length 1

Salton & Buckley 1988, "Term-weighting approaches in automatic text retrieval"; n texts, df of them with the token.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional

MOST = 4096
"""The most tokens that are counted."""


def frequent(
    documents: Sequence[int], texts: int, left_out: Bool[Tensor, " v"]
) -> tuple[Int64[Tensor, " u"], Float[Tensor, " d"]]:
    """The index of every token among the frequent ones, one past the last where it is rare; and their IDF weights.

    ``documents`` is the number of the ``texts`` texts with each token. The last index is that of the padding.
    """
    counts = torch.tensor(documents, dtype=torch.float32)
    counts[left_out] = 0
    common = counts.argsort(descending=True, stable=True)[: min(MOST, int((counts > 0).sum()))]
    place = torch.full((len(counts) + 1,), len(common))
    place[common] = torch.arange(len(common))
    return place, torch.log((1 + texts) / (1 + counts[common])) + 1


def weighted(
    batch: Int64[Tensor, "b l"], place: Int64[Tensor, " u"], rarity: Float[Tensor, " d"], *, pad: int
) -> Float[Tensor, "b d"]:
    """The weights of the frequent tokens of every row."""
    tokens = place[batch.cpu().masked_fill(batch.cpu() == pad, len(place) - 1)]
    counts = torch.zeros(len(batch), len(rarity) + 1).scatter_add_(1, tokens, torch.ones(tokens.shape))[:, :-1]
    return functional.normalize((1 + counts.log()).clamp(min=0) * rarity, dim=1).to(batch.device)
