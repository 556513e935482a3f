"""Bodies of the POST requests; FastAPI validates them and makes the OpenAPI schema of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

STRICT = {"extra": "forbid"}
"""The configuration of pydantic that refuses unknown fields, so that a misspelt one is noticed."""


@dataclass(frozen=True)
class SearchRequest:
    """The query, either ``like``, the name or row of an item or a text, or ``vector``; k; and a filter."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    like: str | int | None = None
    vector: list[float] | None = None
    k: int = 10
    where: str | None = None


@dataclass(frozen=True)
class EmbedRequest:
    """Texts to embed."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    texts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DuplicatesRequest:
    """The threshold on the similarity, or the precision that it is chosen for, as in ``counterpoint duplicates``."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    threshold: float | None = None
    precision: float = 0.9


@dataclass(frozen=True)
class ExplainRequest:
    """Two items, each by name or row."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    a: str | int
    b: str | int


@dataclass(frozen=True)
class DecisionRequest:
    """The decision on an item of the review queue: ``accept``, ``reject``, or null to undo one."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    item: str
    decision: str | None
