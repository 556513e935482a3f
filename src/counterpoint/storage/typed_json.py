"""The JSON files of a run folder, validated: each conforms to its type, or is refused in a sentence.

A type is written as in Python: ``int``, ``list[float]``, ``str | None``, ``Literal``, ``dict[str, int]``, a dataclass,
a ``TypedDict`` (which may hold more than it names), and ``Annotated[int, Between(1, 9)]`` for a range. ``object`` is
any JSON. Numbers are finite.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

from counterpoint.errors import RunError

LARGEST = 2**28
"""The most bytes of a file: the tokenizer of a large vocabulary has some 20 million."""

WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", type(None): "null"}
"""Names of the plain types, for messages."""

T = TypeVar("T")


class Misfit(ValueError):
    """A value does not conform to its type."""


class Between(NamedTuple):
    """The range of a number, or of the length of a text or a list."""

    low: float = -(2.0**53)
    high: float = 2.0**53

    def __str__(self) -> str:
        return f"from {self.low:,.10g} to {self.high:,.10g}"


ANY = Between()
"""Integers that JSON represents exactly everywhere."""

Size = Annotated[int, Between(1, 2**16)]
"""A number of pixels, channels, columns or units of a network along one side."""

Length = Annotated[int, Between(1, 2**31)]
"""The width of a network's vectors; the network's size is bounded by its weights."""

Pixels = Annotated[int, Between(1, 2**13)]
"""The side of a picture."""

Count = Annotated[int, Between(0, 2.0**53)]
"""A count."""

Digest = Annotated[str, Between(64, 64)]
"""The SHA-256 of a file."""


def read_json(path: Path, kind: type[T], remedy: str) -> T:
    """The contents of a JSON file, validated against this type.

    Args:
        path: An existing file.
        kind: The type.
        remedy: What to do if it is damaged, as the last sentence of the message.

    Raises:
        RunError: It does not conform, is not JSON, or is too large.
        FileNotFoundError: There is none.
    """
    try:
        return made(kind, json.loads(_bounded(path)))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as wrong:
        raise RunError(f"'{path}' is damaged: {reason(wrong)}. {remedy}") from wrong


def parsed(text: str | bytes, kind: type[T]) -> T:
    """A value of this type from JSON."""
    return made(kind, json.loads(text))


def reason(wrong: Exception) -> str:
    """The reason why something cannot be read, for the middle of a sentence."""
    text = " ".join(str(wrong).split())[:300].rstrip(".")
    return "it is nested too deeply" if isinstance(wrong, RecursionError) else text or type(wrong).__name__


def conform(value: Any, kind: Any, name: str = "") -> Any:
    """The value, validated against the type: mappings become the dataclass that they describe.

    >>> conform({"size": 3}, dict[str, int])
    {'size': 3}
    >>> conform({"size": float("nan")}, dict[str, float])
    Traceback (most recent call last):
    counterpoint.storage.typed_json.Misfit: 'size' should be a number that is finite. Got nan

    Raises:
        Misfit: It does not conform; ``name`` says where.
    """
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return _ranged(conform(value, parts[0], name), parts[1], name)
    if kind in (object, Any):
        return value
    if origin is typing.Literal:
        return value if value in parts and not isinstance(value, bool) else _refuse(value, name, f"one of {parts}")
    if origin in (typing.Union, types.UnionType):
        return _one_of(value, parts, name)
    if kind in WORDS:
        return _plain(value, kind, name)
    if dataclasses.is_dataclass(kind) or typing.is_typeddict(kind):
        return _record(value, kind, name)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        _require(value, Mapping, name)
        named = [(key, _inside(name, key)) for key in value]
        return {conform(key, parts[0], inside): conform(value[key], parts[1], inside) for key, inside in named}
    _require(value, list | tuple, name)
    every = [conform(each, parts[0], _inside(name, place)) for place, each in enumerate(value)]
    return tuple(every) if origin is tuple else every


def made(kind: type[T], value: Any) -> T:
    """As ``conform``, for type checkers: a dataclass with these fields."""
    fitting: T = conform(value, kind)
    return fitting


def _record(value: Any, kind: Any, name: str) -> Any:
    """A dataclass or the mapping of a ``TypedDict``, from a mapping."""
    if dataclasses.is_dataclass(kind) and isinstance(value, kind):  # type: ignore[arg-type]
        return value
    _require(value, Mapping, name)
    hints, required = _fields(kind)
    missing = sorted(required - set(value))
    if missing:
        raise Misfit(f"{_called(name)} lacks '{missing[0]}'")
    held = {str(key): conform(each, hints.get(key, object), _inside(name, key)) for key, each in value.items()}
    if typing.is_typeddict(kind):
        return held
    unknown = sorted(set(held) - set(hints))
    if unknown:
        raise Misfit(f"{_called(name)} has '{unknown[0]}', of which nothing is known")
    return kind(**held)


@cache
def _fields(kind: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """The types of the fields of a record, and which of them are required."""
    hints = typing.get_type_hints(kind, include_extras=True)
    if typing.is_typeddict(kind):
        free = [name for name, each in hints.items() if typing.get_origin(each) is typing.NotRequired]
        hints |= {name: typing.get_args(hints[name])[0] for name in free}
        return hints, frozenset(hints) - frozenset(free) if kind.__total__ else frozenset()
    fields = dataclasses.fields(kind)
    needed = [each.name for each in fields if each.default is each.default_factory is dataclasses.MISSING]
    return {each.name: hints[each.name] for each in fields}, frozenset(needed)


def _one_of(value: Any, parts: Sequence[Any], name: str) -> Any:
    """The value as the first of several types that it conforms to."""
    refusals = []
    for part in parts:
        try:
            return conform(value, part, name)
        except Misfit as wrong:
            refusals.append(wrong)
    raise refusals[0]


def _plain(value: Any, kind: type, name: str) -> Any:
    number = kind is float and isinstance(value, int) and not isinstance(value, bool)
    if not (number or isinstance(value, kind)) or (isinstance(value, bool) and kind is not bool):
        _refuse(value, name, WORDS[kind])
    if isinstance(value, float) and not math.isfinite(value):
        _refuse(value, name, "a number that is finite")
    if isinstance(value, int) and not ANY.low <= value <= ANY.high:
        _refuse(value, name, f"{WORDS[kind]} {ANY}")
    return value


def _ranged(value: Any, limits: Between, name: str) -> Any:
    """A value in a range, by its length unless it is a number."""
    measure, what = (value, "a number") if isinstance(value, int | float) else (len(value), "of a length")
    return value if limits.low <= measure <= limits.high else _refuse(value, name, f"{what} {limits}")


def _require(value: Any, kind: Any, name: str) -> None:
    if not isinstance(value, kind):
        _refuse(value, name, "an object" if kind is Mapping else "a list")


def _refuse(value: Any, name: str, expected: str) -> typing.NoReturn:
    shown = repr(value)
    raise Misfit(f"{_called(name)} should be {expected}. Got {shown if len(shown) < 60 else f'{shown[:57]}...'}")


def _inside(name: str, key: object) -> str:
    return f"{name}.{key}"[:200] if name else str(key)[:200]


def _called(name: str) -> str:
    return f"'{name}'" if name else "it"


def _bounded(path: Path) -> bytes:
    """The bytes of a file, if it is a regular file and not too large."""
    if not path.is_file() and path.exists():
        raise Misfit("it is no file")
    size = path.stat().st_size
    if size > LARGEST:
        raise Misfit(f"it has {size:,} bytes, and such a file has {LARGEST:,} at most")
    return path.read_bytes()
