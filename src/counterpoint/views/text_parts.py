r"""Cut texts into their words, and leave some of them out, as the deletion of ``words`` does.

x(S) = the words of S, in their order and without gaps
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
"""Parts of a text at most: of a longer one a few words in a row are a part."""


def words(
    tokens: Int64[Tensor, "1 l"],
    begins: Bool[Tensor, " v"],
    pad: int,
    decode: Callable[[Int64[Tensor, "n l"]], Sequence[str]],
) -> Parts:
    """The words of a text; ``begins`` says of every token if it begins a word, ``decode`` reads tokens."""
    part, together = _cut(tokens, begins, pad)
    count = int(part.max()) + 1
    alone = torch.where(part == torch.arange(count, device=part.device)[:, None], tokens, pad)
    last = int(words_of(tokens, begins, pad).max()) + 1
    places = [(each * together, min((each + 1) * together, last)) for each in range(count)]
    return Parts(list(decode(alone)), places, empty=True)


def with_words(
    tokens: Int64[Tensor, "1 l"], kept: Bool[Tensor, "m n"], begins: Bool[Tensor, " v"], pad: int
) -> Int64[Tensor, "m s"]:
    """The text once for each row of ``kept``, without the other words; where none is kept ``pad`` is all that is left.

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
    """The part that every token is of, counted from 0, and how many words are one part."""
    word = words_of(tokens, begins, pad)[0]
    together = math.ceil((int(word.max()) + 1) / MOST)
    return word // together, together
