"""What ``comparison.json`` and ``trials.json`` hold, where a comparison or a search is gone on with."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from counterpoint.storage.schemas import Value


class Kept(TypedDict):
    """``comparison.json`` and ``trials.json``: a choice that can be gone on with."""

    asked: dict[str, object]
    identity: str


class Searched(TypedDict):
    """A dimension of a search."""

    name: str
    usual: Value
    low: NotRequired[float]
    high: NotRequired[float]
    values: NotRequired[list[Value]]


class Repeated(TypedDict):
    """A plan that was repeated with another seed."""

    seed: int
    choices: dict[str, Value]


class Search(Kept):
    """``trials.json`` of a search that is gone on with."""

    trials: list[object]
    space: list[Searched]
    plan_seconds: float | None
    judging_seconds: float
    seconds: float
    repeats: list[Repeated]
