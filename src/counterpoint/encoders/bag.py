r"""A bag of words: what a text says is the mean of what its tokens say, whatever their order.

    h = sum_t w_t e_t / sum_t w_t          e_t a vector and w_t > 0 a weight, of every token of the vocabulary
    h <- h + W2 gelu(W1 LN(h))             so many times as it has layers, none unless asked for

The weights begin at w_t = a / (a + p_t), p_t the share of token t among all tokens: SIF, Arora et al. 2017, "A simple
but tough-to-beat baseline for sentence embeddings", eq. 1; with a milder a, for in short texts small words matter. The
vectors begin as the mean of vectors of their runs of three to five letters (as in fastText, Bojanowski et al. 2017,
arXiv:1607.04606, section 3.2), so that words that are spelled alike are alike from the first. Both are learned.
A character that has no piece is spelled in bytes. Words of one alphabet are made of few bytes, so a byte has the vector
of the hash of the run of bytes that ends with it, in its word and six long at most (hashed n-grams, as in fastText).
With layers it is a deep averaging network (Iyyer et al. 2015, "Deep unordered composition rivals syntactic methods").

Use when: there is no GPU, or there are many texts. A word means the same in every text.
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
"""Lengths of the runs of letters that a token's first vector is made of."""

MARKS = ("▁", "Ġ")
"""Pieces that only say that a word begins, as every word does: so they weigh as what is every token."""

BYTE = re.compile("<0x([0-9A-F]{2})>")
"""A piece that is a byte of a character: how it is written says nothing."""

RUN, FACTOR = 6, 31
"""Bytes of a run, two letters at least, and what their hash is a polynomial of, modulo 256."""

OWN = 0.5
"""Share of a vector, beside that of its letters, that it shares with no other token."""


class Bag(nn.Module):
    """Tokens (b, l), filled up with ``pad``, to representations (b, outputs)."""

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
        """Whether there are pieces for all bytes."""
        self.code: Tensor
        self.byte: Tensor
        self.register_buffer("code", code, persistent=False)  # 1 + the byte that a piece is, or 0
        self.register_buffer("byte", code.argsort()[-256:], persistent=False)  # the place of every byte

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
        """The same tokens with, for every byte, the byte that is the hash of its run; a byte alone stays as it is."""
        code = functional.pad(code, (RUN - 1, 0))
        back = torch.stack([code[:, RUN - 1 - k : code.shape[1] - k] for k in range(RUN)], dim=2)
        there = (back == 0).cumsum(dim=2) == 0  # of the same run: what is no byte ends it
        factors = torch.tensor([FACTOR**k % 256 for k in range(RUN)], device=tokens.device)
        hashed = (torch.where(there, back, 0) * factors).sum(dim=2) - 1
        return torch.where(back[:, :, 0] > 0, self.byte[hashed % 256], tokens)


def spelled(pieces: Sequence[str], width: int) -> Float[Tensor, "v d"]:
    """Unit vectors drawn at random, nearer to each other the more runs of letters two pieces have in common.

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
    """All runs of letters of a piece, each once; whether it begins a word is one of its letters, and so is its end.

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
    """A bag of ``width`` numbers (512) for a vocabulary of these pieces, which stand in the texts so often.

    ``dropout`` is the share of tokens that are left out in training, ``layers`` how many follow the mean.

    >>> network = bag(["[PAD]", "no", "way"], torch.tensor([0.0, 1.0, 1.0]), pad=0, width=8).eval()
    >>> one, other = network(torch.tensor([[1, 2, 0], [2, 1, 0]]))
    >>> torch.allclose(one, other), one.shape
    (True, torch.Size([8]))
    """
    return Bag(pieces, counts, pad=pad, width=width or 512, dropout=dropout, layers=layers)
