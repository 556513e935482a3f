"""The contents of ``comparison.json`` and ``trials.json``, for resuming a comparison or a search."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from counterpoint.storage.schemas import Value


class Kept(TypedDict):
    """``comparison.json`` and ``trials.json``: a record that can be resumed."""

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
    """``trials.json`` of a search that is resumed."""

    trials: list[object]
    space: list[Searched]
    plan_seconds: float | None
    judging_seconds: float
    seconds: float
    repeats: list[Repeated]
