"""What all verbs share: ``quiet``, suggestions for unknown keywords, and choices checked before any work."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import ParamSpec, TypeVar

from counterpoint.errors import PlanError, closest, listed
from counterpoint.plans import RENAMED, Choices, choices_in, plain, renamed
from counterpoint.setup.progress import silence

P = ParamSpec("P")
R = TypeVar("R")

RENAMED_HERE = {"evaluate_retrieval": {"test": "queries"}}
"""Old names of arguments of verbs."""


def verb(*records: type[Choices]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function a verb; its keywords include the fields of ``records``, which are choices.

    It prints nothing where it is called with ``quiet=True``; loggers still receive everything.

    Raises:
        PlanError: A keyword is unknown, or a choice is out of its range.
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        takes, name = inspect.signature(function).parameters, function.__name__

        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            now = renamed(kwargs, RENAMED | RENAMED_HERE.get(name, {}))
            kwargs.clear()
            kwargs.update(now)
            _require_known(name, kwargs, list(takes))
            chosen = choices_in(kwargs, *records)
            kwargs.update({each: plain(value) for each, value in chosen.items()})
            for record in records:
                record.require(choices_in(chosen, record))
            with silence(bool(kwargs.pop("quiet", False))):
                return function(*args, **kwargs)

        return called

    return decorated


def _require_known(name: str, names: Iterable[str], takes: Sequence[str]) -> None:
    for word in names:
        if word not in takes:
            raise PlanError(f"'{name}' has no choice '{word}'.{closest(word, takes)} Choices: {listed(takes, 60)}.")
