r"""Cut texts into words, and delete masked ones, as ``words`` does.

x(S) = the words of S, in order and without gaps
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from counterpoint.interfaces import Parts
from counterpoint.views.text_views import closed_up, words_of

MOST = 64
"""The most parts of a text; in a longer one several consecutive words form one part."""


def words(
    tokens: Int64[Tensor, "1 l"],
    begins: Bool[Tensor, " v"],
    pad: int,
    decode: Callable[[Int64[Tensor, "n l"]], Sequence[str]],
) -> Parts:
    """The words of a text; ``begins`` marks the tokens that begin a word, ``decode`` turns tokens into text."""
    if not bool((tokens != pad).any()):
        return Parts([], [], empty=True)
    part, together = _cut(tokens, begins, pad)
    count = int(part.max()) + 1
    alone = torch.where(part == torch.arange(count, device=part.device)[:, None], tokens, pad)
    last = int(words_of(tokens, begins, pad).max()) + 1
    places = [(each * together, min((each + 1) * together, last)) for each in range(count)]
    return Parts(list(decode(alone)), places, empty=True)


def with_words(
    tokens: Int64[Tensor, "1 l"], kept: Bool[Tensor, "m n"], begins: Bool[Tensor, " v"], pad: int
) -> Int64[Tensor, "m s"]:
    """The text once for each mask, True where a word is kept; only ``pad`` where none is.

    >>> begins = torch.tensor([False, True, True, False])
    >>> with_words(torch.tensor([[1, 3, 2]]), torch.tensor([[True, False], [False, True]]), begins, 0)
    tensor([[1, 3],
            [2, 0]])
    """
    part, _ = _cut(tokens, begins, pad)
    there = kept[:, part] & (tokens != pad)
    order = torch.arange(tokens.shape[1], device=tokens.device).expand(len(kept), -1)
    return closed_up(tokens.expand(len(kept), -1), there, order.float(), pad)


def _cut(tokens: Int64[Tensor, "1 l"], begins: Bool[Tensor, " v"], pad: int) -> tuple[Int64[Tensor, " l"], int]:
    """The part of each token, counted from 0, and the number of words in one part."""
    word = words_of(tokens, begins, pad)[0]
    together = math.ceil((int(word.max()) + 1) / MOST)
    return word // together, together
