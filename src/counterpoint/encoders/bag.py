r"""A bag of words: the representation of a text is a weighted mean of token vectors, whatever their order.

    h = sum_t w_t e_t / sum_t w_t          e_t a vector and w_t > 0 a weight, of every token of the vocabulary
    h <- h + W2 gelu(W1 LN(h))             once per layer, of which there are none by default

The weights are initialised to w_t = a / (a + p_t), p_t the share of token t among all tokens: SIF, Arora et al. 2017,
"A simple but tough-to-beat baseline for sentence embeddings", eq. 1; with a larger a, as function words matter in short
texts. Vectors are initialised to the mean of vectors of their character n-grams, n from three to five (as in fastText,
Bojanowski et al. 2017, arXiv:1607.04606, section 3.2), so that words of similar spelling start similar. Both are
learned.  A character without a token is encoded in bytes. As an alphabet uses few bytes, a byte gets the vector of the
hash of the byte n-gram that ends with it, within its word and up to six bytes (hashed n-grams, as in fastText).
With layers it is a deep averaging network (Iyyer et al. 2015, "Deep unordered composition rivals syntactic methods").

Use when: there is no GPU, or there are many texts. A word has the same vector in every text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.encoders.length_buckets import written_down
from counterpoint.encoders.lookup import summed

RARE = 1e-2
"""The a of the formula: a token that is one in a hundred has half the weight of a rare one."""

LETTERS = range(3, 6)
"""Lengths of the character n-grams that initialise a token's vector."""

MARKS = ("▁", "Ġ")
"""Tokens that only mark the beginning of a word: they are weighted as if every token were one."""

BYTE = re.compile("<0x([0-9A-F]{2})>")
"""A token that is a byte of a character: its spelling is meaningless."""

RUN, FACTOR = 6, 31
"""The longest byte n-gram, and the base of the polynomial hash of n-grams, modulo 256."""

OWN = 0.5
"""Share of a token's initial vector that is random, beside that of its n-grams."""


class Bag(nn.Module):
    """Tokens (b, l), padded with ``pad``, to representations (b, outputs)."""

    def __init__(
        self,
        pieces: Sequence[str],
        counts: Float[Tensor, " v"],
        *,
        pad: int,
        width: int,
        dropout: float,
        layers: int,
    ) -> None:
        super().__init__()
        self.vectors = nn.Parameter(spelled(pieces, width))
        share = (counts / counts.sum()).masked_fill(torch.tensor([piece in MARKS for piece in pieces]), 1.0)
        self.log_weights = nn.Parameter(-torch.log1p(share / RARE))
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
            for _ in range(layers)
        )
        self.pad = pad
        self.outputs = width
        result = [BYTE.fullmatch(piece) for piece in pieces]
        code = torch.tensor([0 if each is None else 1 + int(each[1], 16) for each in result])
        self.spells = int((code > 0).sum()) == 256
        """Whether there are tokens for all bytes."""
        self.code: Tensor
        self.byte: Tensor
        self.register_buffer("code", code, persistent=False)  # 1 + the byte of a token, or 0
        self.register_buffer("byte", code.argsort()[-256:], persistent=False)  # the token of every byte

    def forward(self, tokens: Int64[Tensor, "b l"]) -> Float[Tensor, "b h"]:
        code = self.code[tokens]
        if self.spells and (written_down() or bool(code.any())):
            tokens = self._by_runs(tokens, code)
        weights = functional.embedding(tokens, self.log_weights[:, None])[:, :, 0].exp()
        weights = self.dropout(weights.masked_fill(tokens == self.pad, 0.0))
        h: Tensor = summed(tokens, self.vectors, weights) / weights.sum(dim=1, keepdim=True).clamp(min=1e-6)
        for layer in self.layers:
            h = h + layer(h)
        return h

    def _by_runs(self, tokens: Int64[Tensor, "b l"], code: Int64[Tensor, "b l"]) -> Int64[Tensor, "b l"]:
        """The same tokens with every byte replaced by the byte that is the hash of its n-gram; single bytes stay."""
        code = functional.pad(code, (RUN - 1, 0))
        back = torch.stack([code[:, RUN - 1 - k : code.shape[1] - k] for k in range(RUN)], dim=2)
        there = (back == 0).cumsum(dim=2) == 0  # in the same run: a token that is not a byte ends it
        factors = torch.tensor([FACTOR**k % 256 for k in range(RUN)], device=tokens.device)
        hashed = (torch.where(there, back, 0) * factors).sum(dim=2) - 1
        return torch.where(back[:, :, 0] > 0, self.byte[hashed % 256], tokens)


def spelled(pieces: Sequence[str], width: int) -> Float[Tensor, "v d"]:
    """Random unit vectors, more similar the more character n-grams two tokens have in common.

    >>> with torch.random.fork_rng():
    ...     vectors = spelled(["transfer", "transferred", "cash"], 64)
    >>> bool(vectors[0] @ vectors[1] > vectors[0] @ vectors[2])
    True
    """
    ids: dict[str, int] = {}
    runs: list[int] = []
    starts: list[int] = []
    for piece in pieces:
        starts.append(len(runs))
        runs += [ids.setdefault(run, len(ids)) for run in _runs(piece)]
    counts = torch.tensor([*starts[1:], len(runs)]) - torch.tensor(starts)
    drawn = functional.embedding_bag(torch.tensor(runs), torch.randn(len(ids), width), torch.tensor(starts), mode="sum")
    return functional.normalize(OWN * torch.randn(len(pieces), width) + drawn / counts[:, None].sqrt(), dim=1)


def _runs(piece: str) -> list[str]:
    """All character n-grams of a token, each once, with marks of the beginning and the end of a word.

    >>> _runs("▁so"), _runs("<0x35>")
    (['so>', '▁so', '▁so>'], ['<0x35>'])
    """
    if BYTE.fullmatch(piece):
        return [piece]
    letters = f"{piece}>"
    runs = {letters[start : start + n] for n in LETTERS for start in range(len(letters) - n + 1)}
    return sorted(runs) or [letters]


def bag(
    pieces: Sequence[str],
    counts: Float[Tensor, " v"],
    *,
    pad: int,
    width: int | None = None,
    dropout: float = 0.1,
    layers: int = 0,
) -> Bag:
    """A bag of tokens of width ``width`` (512) for this vocabulary and its counts.

    ``dropout`` is the share of tokens that are left out in training, ``layers`` the number of layers after the mean.

    >>> network = bag(["[PAD]", "no", "way"], torch.tensor([0.0, 1.0, 1.0]), pad=0, width=8).eval()
    >>> one, other = network(torch.tensor([[1, 2, 0], [2, 1, 0]]))
    >>> torch.allclose(one, other), one.shape
    (True, torch.Size([8]))
    """
    return Bag(pieces, counts, pad=pad, width=width or 512, dropout=dropout, layers=layers)
