r"""Augmentations of texts, rows of tokens (b, l): a span of words, without some, out of order, or masked.

    crop     words i .. i + k - 1          k in [least, largest] of all words, at least one
    delete   each word left out with probability p, but never all
    swap     each word swapped with the next with probability p
    mask     each word replaced by [MASK] with probability p

Whole words are changed, never a part of one.  Deletion and swap as in EDA (Wei & Zou 2019, arXiv:1901.11196), spans of
one document as in DeCLUTR (Giorgi et al. 2021, arXiv:2006.03659), masks as in BERT (Devlin et al. 2019,
arXiv:1810.04805).  Without any change only the encoder's dropout makes views differ (SimCSE, Gao et al. 2021,
arXiv:2104.08821).

Use when: the meaning of a text does not depend on any one word, and hardly on their order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from counterpoint import rng
from counterpoint.plans import within


@dataclass(frozen=True)
class Words:
    """All four in this order: crop, delete, swap, mask. Zero disables one; for the crop, 1 does."""

    crop: float = 0.5
    """The smallest share of the words that a crop keeps."""
    largest: float = 1.0
    """The largest share of them."""
    delete: float = 0.3
    """Share of words that are left out."""
    swap: float = 0.0
    """Share of words that are swapped with the next."""
    mask: float = 0.0
    """Share of words that are masked."""

    def __post_init__(self) -> None:
        within("crop", self.crop, 0.001, 1)
        within("largest", self.largest, self.crop, 1)
        for name in ("delete", "swap", "mask"):
            within(name, getattr(self, name), 0, 1)

    def __call__(
        self, tokens: Int64[Tensor, "b l"], key: Int64[Tensor, " b"], *, begins: Bool[Tensor, " v"], pad: int, mask: int
    ) -> Int64[Tensor, "b s"]:
        """One view of every text, padded with ``pad``; ``begins`` marks the tokens that begin a word."""
        if (self.crop, self.delete, self.swap, self.mask) == (1, 0, 0, 0):
            return tokens
        word = words_of(tokens, begins, pad)
        there = tokens != pad
        if self.crop < 1:
            there = there & crop(word, key, shortest=self.crop, longest=self.largest)
        if self.delete:
            there = there & delete(word, there, key, rate=self.delete)
        if self.mask:
            tokens = tokens.masked_fill(there & (_drawn(word, key, "mask") < self.mask), mask)
        return closed_up(tokens, there, _order(word, key, self.swap), pad)

    def stronger(self, by: float) -> dict[str, float]:
        """Options that are ``by`` times as strong; no share above nine tenths."""
        shares = {name: getattr(self, name) for name in ("delete", "swap", "mask")}
        changed = {"crop": max(0.01, self.crop**by)}
        changed |= {name: max(share, min(0.9, by * share)) if by > 1 else by * share for name, share in shares.items()}
        return {name: value for name, value in changed.items() if value != getattr(self, name)}

    def alone(self) -> dict[str, dict[str, float]]:
        """Options that apply one of the four changes only, by its name."""
        still = {"crop": 1.0, "largest": 1.0, "delete": 0.0, "swap": 0.0, "mask": 0.0}
        made = {"crop": ("crop", "largest"), "delete": ("delete",), "swap": ("swap",), "mask": ("mask",)}
        return {
            change: {**still, **{name: getattr(self, name) for name in names}}
            for change, names in made.items()
            if any(getattr(self, name) != still[name] for name in names)
        }

    def local(self) -> Words:
        """The same for shorter views: half the share of words."""
        return replace(self, crop=max(0.001, self.crop / 2), largest=max(0.001, self.largest / 2))


dropout = partial(Words, crop=1.0, delete=0.0)
"""No change: two views differ by the encoder's dropout only."""


def crop(
    word: Int64[Tensor, "b l"], key: Int64[Tensor, " b"], *, shortest: float, longest: float
) -> Bool[Tensor, "b l"]:
    """Mask of the tokens in a random span of words."""
    count = word.amax(dim=1) + 1
    drawn = rng.uniform(key, 2, "run")
    share = shortest + (longest - shortest) * drawn[:, 0]
    kept = (share * count).ceil().long().clamp(min=1)
    first = (drawn[:, 1] * (count - kept + 1)).long()
    return (word >= first[:, None]) & (word < (first + kept)[:, None])


def delete(
    word: Int64[Tensor, "b l"], there: Bool[Tensor, "b l"], key: Int64[Tensor, " b"], *, rate: float
) -> Bool[Tensor, "b l"]:
    """Mask of the tokens of words that are kept; at least one word is."""
    drawn = _drawn(word, key, "delete")
    best = drawn.masked_fill(~there, -1.0).amax(dim=1, keepdim=True)
    return (drawn >= rate) | (drawn == best)


def words_of(tokens: Int64[Tensor, "b l"], begins: Bool[Tensor, " v"], pad: int) -> Int64[Tensor, "b l"]:
    """The index of the word of every token, from 0; padding counts with the last word."""
    begin = begins.to(tokens.device)[tokens] & (tokens != pad)
    return (begin.long().cumsum(dim=1) - 1).clamp(min=0)


def _drawn(word: Int64[Tensor, "b l"], key: Int64[Tensor, " b"], purpose: str) -> Tensor:
    """A random value in [0, 1) for every token, the same for all tokens of a word."""
    return rng.uniform(key, int(word.max()) + 1, purpose).gather(1, word)


def _order(word: Int64[Tensor, "b l"], key: Int64[Tensor, " b"], rate: float) -> Tensor:
    """The sort key of the tokens of a view."""
    return word + 1.5 * (_drawn(word, key, "swap") < rate) if rate else word.float()


def closed_up(
    tokens: Int64[Tensor, "b l"], there: Bool[Tensor, "b l"], order: Tensor, pad: int
) -> Int64[Tensor, "b s"]:
    """The tokens that are kept, in order and without gaps.

    >>> there = torch.tensor([[True, False, True], [False, False, True]])
    >>> closed_up(torch.tensor([[5, 6, 7], [8, 9, 4]]), there, torch.arange(3.0).expand(2, 3), 0).tolist()
    [[5, 7], [4, 0]]
    """
    place = torch.argsort(order.masked_fill(~there, torch.inf), dim=1, stable=True)
    kept = tokens.masked_fill(~there, pad).gather(1, place)
    return kept[:, : max(1, int(there.sum(dim=1).max()))]
