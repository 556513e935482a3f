"""Which words are near each other in a text: the positives of skip-gram."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int64
from torch import Tensor


def nearby(text: Int64[Tensor, "r c"], middle: slice, *, window: int) -> Bool[Tensor, "r c m"]:
    """Which words are in the window of each word in the middle of a row, and in the same text.

    Args:
        text: For rows of words, the text of each word; negative for none.
        middle: The words whose windows are computed.
        window: The maximal window; the window of each word is drawn from 1 to this.

    >>> nearby(torch.tensor([[3, 3, 4, 4, 4]]), slice(1, 4), window=1).int().tolist()
    [[[1, 0, 0], [0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1]]]
    """
    place = torch.arange(text.shape[1], device=text.device)
    apart = (place[:, None] - place[middle]).abs()
    reach = torch.randint(1, window + 1, (len(text), 1, apart.shape[1]), device=text.device)
    text_id = text[:, None, middle]
    return (text_id == text[:, :, None]) & (text_id >= 0) & (apart > 0) & (apart <= reach)
