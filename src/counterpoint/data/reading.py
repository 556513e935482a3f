"""How a model of text reads: its tokenizer, token counts, and the columns with the texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from counterpoint.data.schema import Schema
from counterpoint.data.tokens import Script
from counterpoint.plans.data_options import ReadOptions
from counterpoint.storage.typed_json import Between, Count


@dataclass(frozen=True)
class Reading:
    """What the modality learned from its training data.

    ``occurrences`` is the count of every token in the texts, ``documents`` the number of the ``texts`` texts with it;
    ``columns`` are those with the text, where the source has columns: joined to one text, or, for pairs, one after
    another.
    """

    tokenizer: Script
    occurrences: Sequence[int]
    documents: Sequence[int]
    texts: Count
    longest: Annotated[int, Between(1, 2**20)]
    columns: Sequence[str]
    paired: bool
    views: str
    schema: Schema
    options: ReadOptions
    network: Mapping[str, Any] | None
    """The settings to build the network again whose tokenizer this is."""
