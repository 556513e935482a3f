r"""A small transformer, from scratch: self-attention over the tokens of a text; h is the mean of the final states.

    x_i = e_i + p_i,      p_(i,2k), p_(i,2k+1) = sin, cos(i / 10000^(2k/d))
    x <- x + attention(LN(x)),   x <- x + W2 gelu(W1 LN(x))          once for every layer
    h = mean_i LN(x_i)

Vaswani et al. 2017, arXiv:1706.03762, with normalisation first (Xiong et al. 2020, arXiv:2002.04745); the mean after
Reimers & Gurevych 2019, arXiv:1908.10084.
Use when: word order matters, and there are many texts or a GPU. On few short texts ``bag`` learns more in less time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from counterpoint.encoders.length_buckets import by_length

HEAD = 32
"""The smallest width of an attention head."""


class Transformer(nn.Module):
    """Tokens (b, l), padded with ``pad``, to representations (b, outputs)."""

    def __init__(self, vocabulary: int, *, pad: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.tokens.weight, std=width**-0.5)
        heads = next(count for count in range(max(1, width // HEAD), 0, -1) if width % count == 0)
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.dropout = nn.Dropout(dropout)
        self.pad = pad
        self.outputs = width

    def forward(self, tokens: Int64[Tensor, "b l"]) -> Float[Tensor, "b h"]:
        return by_length(self._encoded, tokens, pad=self.pad)

    def _encoded(self, tokens: Int64[Tensor, "b l"]) -> Float[Tensor, "b h"]:
        empty = tokens == self.pad
        empty[:, 0] = False  # a text without any token would have nothing to attend to
        x = self.tokens(tokens) + places(tokens.shape[1], self.outputs).to(tokens.device)
        x = self.layers(self.dropout(x), src_key_padding_mask=empty)
        kept = (~empty)[:, :, None].to(x.dtype)
        h: Tensor = (x * kept).sum(dim=1) / kept.sum(dim=1)
        return h


def places(length: int, width: int) -> Float[Tensor, "l d"]:
    """Positional encoding: sines and cosines of the position, scaled to the size of token vectors.

    >>> places(2, 4)[0].tolist()
    [0.0, 0.5, 0.0, 0.5]
    """
    speed = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    angle = torch.arange(length)[:, None] * speed
    waves = torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)[:, :width]
    return waves.mul(width**-0.5)


def transformer(
    pieces: Sequence[str],
    counts: Float[Tensor, " v"],
    *,
    pad: int,
    width: int | None = None,
    layers: int = 2,
    dropout: float = 0.1,
) -> Transformer:
    """A transformer of width ``width`` (256) for this vocabulary.

    >>> network = transformer(["[PAD]", "no", "way"], torch.ones(3), pad=0, width=8).eval()
    >>> one, other = network(torch.tensor([[1, 2, 0], [2, 1, 0]]))
    >>> torch.allclose(one, other), one.shape
    (False, torch.Size([8]))
    """
    return Transformer(len(pieces), pad=pad, width=width or 256, layers=layers, dropout=dropout)
