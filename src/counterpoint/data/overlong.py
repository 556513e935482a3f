"""Texts without a space for many thousand characters, for which a tokenizer would take too long."""

from __future__ import annotations

import re
from collections.abc import Sequence

CHUNK = 1 << 14
"""Characters that are read between two spaces. As a token of ours has at most 32 of them, they are 512 tokens or
more, and a text is usually truncated after 256; the time of byte-pair encoding grows with their square."""

OVERLONG = re.compile(rf"\S{{{CHUNK + 1},}}")


def shortened(texts: Sequence[str]) -> Sequence[str]:
    """The same texts, with runs of more than ``CHUNK`` characters without a space truncated.

    >>> [len(text) for text in shortened(["so short", "o" * 100_000 + " my"])]
    [8, 16387]
    """
    return [OVERLONG.sub(lambda run: run[0][:CHUNK], text) if len(text) > CHUNK else text for text in texts]
