"""What the bodies of requests hold; the schema of the server is made from these."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SearchRequest:
    """What to look for: an item by name or row, a text, or a vector."""

    like: str | int | None = None
    vector: list[float] | None = None
    k: int = 10
    where: str | None = None


@dataclass(frozen=True)
class EmbedRequest:
    """Texts to embed."""

    texts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DuplicatesRequest:
    """Which pairs are duplicates; see ``counterpoint duplicates``."""

    threshold: float | None = None
    precision: float = 0.9


@dataclass(frozen=True)
class ExplainRequest:
    """Two items, by name or row."""

    a: str | int
    b: str | int


@dataclass(frozen=True)
class DecisionRequest:
    """What a person decided about an entry of the queue; null takes it back."""

    item: str
    decision: str | None
