"""Prompts: a text that a network was trained to read before every text, such as "query: "."""

from __future__ import annotations

import string
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from counterpoint.data.token_items import Ragged
from counterpoint.data.tokens import Tokenizer
from counterpoint.errors import SourceError

STARTS = (*string.ascii_letters, *string.digits, *string.punctuation, "é", "中")
"""Beginnings of texts, to find the tokens of a prompt that never depend on what follows."""


class Prompted:
    """Tokenizes texts as if a prompt preceded each; the prompt's tokens are added only when texts are ``framed``.

    So views leave no word of the prompt out, and token counts are of the texts alone. A token at the prompt's end that
    depends on what follows stays with the text: "query: sea" may be tokenized as "query", ":" and " sea".
    """

    def __init__(self, tokenizer: Tokenizer, prompt: str = "") -> None:
        self.tokenizer, self.prompt = tokenizer, prompt
        self.tokens = self._constant()

    def numbers(self, texts: Sequence[str]) -> Ragged:
        """The token ids of every text.

        Raises:
            SourceError: The tokenizer reads the beginning of the prompt differently before one of them.
        """
        if not self.prompt:
            return self.tokenizer.numbers(texts)
        prompted, first = self.tokenizer.numbers([self.prompt + text for text in texts]), len(self.tokens)
        place = np.arange(len(prompted.flat)) - np.repeat(prompted.starts[:-1], prompted.lengths)
        before = place < first
        same = prompted.flat[before] == np.asarray(self.tokens, dtype=np.int32)[place[before]]
        if not same.all() or (prompted.lengths < first).any():
            raise SourceError(
                f"The tokenizer joins the prompt '{self.prompt}' with one of the texts. Choose a network whose prompt "
                "ends with a space, or none: prompt=''."
            )
        return Ragged(prompted.flat[~before], prompted.starts - first * np.arange(len(prompted.starts)))

    def framed(self, tokens: Int64[Tensor, "b l"]) -> Int64[Tensor, "b m"]:
        """The tokens of texts after those of the prompt, with the special tokens that a network was trained with."""
        before = tokens.new_tensor(self.tokens, dtype=torch.int64).expand(len(tokens), -1)
        return self.tokenizer.framed(torch.cat([before, tokens], dim=1) if self.tokens else tokens)

    @property
    def around(self) -> int:
        """The number of tokens added around those of every text."""
        return len(self.tokenizer.before) + len(self.tokens) + len(self.tokenizer.behind)

    def _constant(self) -> list[int]:
        """The tokens of the prompt that do not depend on what follows, up to its last space."""
        if not self.prompt:
            return []
        spaces = [place for place, letter in enumerate(self.prompt) if letter.isspace()]
        head = self.prompt[: spaces[-1]] if spaces else self.prompt
        tried = list(self.tokenizer.numbers([head, self.prompt, *(self.prompt + start for start in STARTS)]))
        length = 0
        while all(len(row) > length and row[length] == tried[0][length] for row in tried):
            length += 1
        return [int(token) for token in tried[0][:length]]
