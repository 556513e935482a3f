"""A record of choices: each with its default, its help and its range, checked when it is made."""

from __future__ import annotations

import dataclasses
import functools
import typing
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from counterpoint.errors import PlanError, closest, listed, option

LARGEST_SEED, LONGEST = 2**53, 2**16
"""The largest seed, and the longest vector, that records of a run may hold: larger values could not be read again."""


RENAMED = {"at_once": "micro_batch"}
"""Old names of choices, which keep working for one version."""


def choice(default: Any, help: str, *, low: float | None = None, high: float | None = None) -> Any:
    """A field of a plan with its help and its valid range."""
    return field(default=default, metadata={"help": help, "low": low, "high": high})


Record = TypeVar("Record", bound="Choices")

WORDS = {bool: "True or False", int: "a whole number", float: "a number", str: "text", type(None): "None"}
"""Names of the types of choices, for messages."""


def renamed(choices: Mapping[str, Any], names: Mapping[str, str] | None = None, *, warn: bool = True) -> dict[str, Any]:
    """The choices under their current names; an old name warns, except in files.

    >>> renamed({"at_once": 64, "epochs": 3}, warn=False)
    {'micro_batch': 64, 'epochs': 3}
    """
    new = RENAMED if names is None else names
    for old in [name for name in choices if warn and name in new]:
        warnings.warn(
            f"'{old}' is now called '{new[old]}'; the old name goes with the next version.",
            DeprecationWarning,
            stacklevel=3,  # where the record is made, or the verb called
        )
    return {new.get(name, name): value for name, value in choices.items()}


def by_new_names(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of a run, a comparison or a search, with the current names of choices."""
    noted = {name: renamed(record[name], warn=False) for name in ("asked", "settled") if name in record}
    return {**record, **noted}


def choices_in(arguments: Mapping[str, Any], *records: type[Choices]) -> dict[str, Any]:
    """Those arguments of a verb that are choices of these records, taken from ``locals()`` in its first line.

    >>> from counterpoint.plans import LabPlan
    >>> choices_in({"source": "photos", "items": 20, "seed": 1}, LabPlan)
    {'items': 20, 'seed': 1}
    """
    names = {each.name for record in records for each in dataclasses.fields(record)}
    return {name: value for name, value in arguments.items() if name in names}


@functools.cache
def types_of(record: type) -> dict[str, Any]:
    """The types of the choices of a record, cached."""
    return typing.get_type_hints(record)


class _Renaming(type):
    """Lets records be made with old names of their choices."""

    if not typing.TYPE_CHECKING:  # it would hide the choices from editors

        def __call__(cls, *args: Any, **choices: Any) -> Any:
            return super().__call__(*args, **renamed(choices))


@dataclass(frozen=True, kw_only=True)
class Choices(metaclass=_Renaming):
    """The base of all records of choices: each is checked against its type and range, and can be written as JSON."""

    def __post_init__(self) -> None:
        record: type = type(self)
        kinds = types_of(record)
        for each in dataclasses.fields(self):
            object.__setattr__(self, each.name, plain(getattr(self, each.name)))
            check(option(each.name), getattr(self, each.name), kinds[each.name], each.metadata)
        if getattr(self, "epochs", None) is not None and getattr(self, "minutes", None) is not None:
            raise PlanError("Give --epochs or --minutes, not both: a time budget plans the epochs.")

    @classmethod
    def of(cls: type[Record], choices: Mapping[str, Any]) -> Record:
        """The record from names and values; for an unknown name the error has a suggestion."""
        names = [each.name for each in dataclasses.fields(cls)]
        what = f"{cls.__name__.removesuffix('Plan').lower()} plan".strip()
        values = renamed(choices)
        for name in values:
            if name not in names:
                raise PlanError(f"A {what} has no choice '{name}'.{closest(name, names)} Choices: {listed(names, 40)}.")
        return cls(**values)

    @classmethod
    def require(cls, choices: Mapping[str, Any]) -> None:
        """Raise ``PlanError`` where one of some choices is out of its range or of another type.

        Objects are not checked: a verb may take them instead of a name.
        """
        for each in dataclasses.fields(cls):
            value = plain(choices.get(each.name, each.default))
            if isinstance(value, int | float | str | None):
                check(option(each.name), value, types_of(cls)[each.name], each.metadata)

    def record(self) -> dict[str, Any]:
        """The choices as JSON values."""
        return dataclasses.asdict(self)


def plain(value: Any) -> Any:
    """A number of NumPy or torch as one of Python, which JSON can hold; anything else as it is.

    >>> import numpy
    >>> plain(numpy.int64(3)), plain("3")
    (3, '3')
    """
    return value.item() if getattr(value, "shape", None) == () and hasattr(value, "item") else value


def within(name: str, value: Any, low: float, high: float | None = None, *, kind: Any = float) -> None:
    """Raise ``PlanError`` unless a choice is a number in [low, high], an integer if its ``kind`` is int.

    >>> within("mirror", 2, 0, 1)
    Traceback (most recent call last):
    counterpoint.errors.PlanError: mirror must be at most 1. Got 2.
    >>> within("k", 1.5, 1, kind=int)
    Traceback (most recent call last):
    counterpoint.errors.PlanError: k must be a whole number. Got 1.5.
    """
    check(name, value, kind, {"low": low, "high": high})


def check(name: str, value: Any, kind: Any, limits: Mapping[str, Any]) -> None:
    """Raise ``PlanError`` unless a choice is of its type and in its range."""
    value, allowed = plain(value), typing.get_args(kind) or (kind,)
    if float in allowed:
        allowed = (*allowed, int)
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        wanted = " or ".join(WORDS[each] for each in typing.get_args(kind) or (kind,))
        raise PlanError(f"{name} must be {wanted}. Got {value!r}.")
    if not isinstance(value, int | float):
        return
    low, high = limits["low"], limits["high"]
    if low is not None and not value >= low:
        raise PlanError(f"{name} must be at least {low}. Got {value!r}.")
    if high is not None and not value <= high:
        raise PlanError(f"{name} must be at most {high}. Got {value!r}.")
