"""Finds parts by name, in the rows of ``shelves``; each is imported when it is requested.

A part is named as ``name``, as ``name(option=value, ...)``, or, for custom parts, as ``package.module:name`` with or
without options.

>>> find("objective", "info_nce(temperature=0.5)").keywords
{'temperature': 0.5}
"""

from __future__ import annotations

import ast
import importlib
import inspect
import math
import re
import typing
import warnings
from collections.abc import Mapping
from functools import partial
from typing import Any

from counterpoint.catalogue.rows import Row
from counterpoint.catalogue.shelves import SHELVES as SHELVES
from counterpoint.catalogue.trust import LIBRARIES, remember
from counterpoint.errors import InputError, PlanError, UnknownName, closest, listed
from counterpoint.plans import WORDS, check

RENAMED = {("negatives", "mixed"): {"own": "anchor_pairs"}}
"""Old names of options of parts, which keep working for one version."""

LONGEST, MOST = 10_000, 64
"""The longest spec, and the most values in an option that holds several."""


def names(kind: str) -> list[str]:
    """Every name on a shelf, in its order."""
    return list(SHELVES[kind])


def plurals() -> dict[str, str]:
    """The kinds of parts, by their plural."""
    return {f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind.removesuffix('s')}s": kind for kind in SHELVES}


def shelf(kinds: str) -> dict[str, Row]:
    """The shelf with this name, in the singular or the plural.

    >>> list(shelf("similarities"))
    ['cosine', 'dot', 'euclidean', 'uncertain']
    """
    kind = plurals().get(kinds, kinds)
    if kind not in SHELVES:
        raise UnknownName(
            f"There is no list of '{kinds}'.{closest(kinds, plurals())} Choose one of {listed(plurals(), 20)}."
        )
    return SHELVES[kind]


def split(spec: str) -> tuple[str, dict[str, Any]]:
    """The name and the options of a spec.

    >>> split("moco(queue=8192, momentum=0.999)")
    ('moco', {'queue': 8192, 'momentum': 0.999})
    """
    name, bracket, _ = spec.partition("(")
    if not bracket:
        return spec.strip(), {}
    try:
        if len(spec) > LONGEST:
            raise ValueError(spec)
        call = ast.parse(f"part({spec[len(name) + 1 :]}", mode="eval").body
        if not isinstance(call, ast.Call) or call.args:
            raise ValueError(spec)
        options = {str(key.arg): ast.literal_eval(key.value) for key in call.keywords}
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as wrong:
        raise InputError(f"'{spec[:200]}' cannot be read. Write options as name(option=value, other=value).") from wrong
    for option, value in options.items():
        if not _is_plain(value):
            raise InputError(
                f"The option '{option}' of '{name.strip()}' is a number, a text, True, False, None, or a short list of "
                f"those. Got {repr(value)[:80]}."
            )
    return name.strip(), options


def _is_plain(value: Any) -> bool:
    """Whether an option may have this value."""
    if isinstance(value, list | tuple):
        return len(value) <= MOST and all(_is_plain(each) and not isinstance(each, list | tuple) for each in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int | str)


def several(specs: str) -> list[str]:
    """Split specs separated by commas.

    >>> several("moco(queue=64, momentum=0.9), simclr")
    ['moco(queue=64, momentum=0.9)', 'simclr']
    """
    return [each.strip() for each in re.split(r",(?![^(]*\))", specs) if each.strip()]


def written(name: str, options: Mapping[str, Any]) -> str:
    """The spec of a name and options, as ``split`` reads it.

    >>> written("moco", {"queue": 8192}), written("moco", {})
    ('moco(queue=8192)', 'moco')
    """
    return f"{name}({', '.join(f'{each}={value!r}' for each, value in options.items())})" if options else name


def find(kind: str, spec: str, *, only: str = "") -> Any:
    """The part of a spec, with its options bound.

    Args:
        kind: The shelf.
        spec: ``name``, ``name(option=value)`` or ``package.module:name``.
        only: The kind of data it is needed for; a part for another kind is refused.

    Raises:
        UnknownName: There is no such part or option; the message has a suggestion.
        PlanError: The part is for another kind of data.
    """
    name, options = split(spec)
    options = _by_new_names(kind, name, options)
    row = SHELVES[kind].get(name)
    fitting = [each for each, other in SHELVES[kind].items() if not only or other.only in ("", only)]
    if row is not None and name not in fitting:
        raise PlanError(f"The {kind} '{name}' is for {row.only} data, not for {only}. Choose one of {listed(fitting)}.")
    part = _load(kind, name, fitting)
    if not options:
        return part
    accepted = inspect.signature(part, eval_str=row is not None).parameters
    for option, value in options.items():
        if option not in accepted:
            raise UnknownName(
                f"The {kind} '{name}' has no option '{option}'.{closest(option, accepted)} Options: {listed(accepted)}."
            )
        annotation = accepted[option].annotation
        several = () if typing.get_origin(annotation) is tuple else typing.get_args(annotation)
        plain = tuple(each for each in several or (annotation,) if each in WORDS)
        if row is not None and plain:
            check(option, value, typing.Union[plain], {"low": None, "high": None})  # noqa: UP007  (of a tuple)
    return partial(part, **options)


def _by_new_names(kind: str, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a part under their current names; an old name warns."""
    new = RENAMED.get((kind, name), {})
    for old in new.keys() & options.keys():
        warnings.warn(
            f"The option '{old}' of '{name}' is now called '{new[old]}'; the old name goes with the next version.",
            DeprecationWarning,
            stacklevel=3,
        )
    return {new.get(option, option): value for option, value in options.items()}


def similarity(objective: str, wanted: str = "auto") -> str:
    """The requested similarity, or with ``auto`` the objective's default.

    >>> similarity("info_nce"), similarity("info_nce", "dot")
    ('cosine', 'dot')

    Raises:
        PlanError: The objective cannot take it.
    """
    row = SHELVES["objective"].get(split(objective)[0])
    possible = row.similarities if row is not None else ()
    if wanted == "auto":
        return possible[0] if possible else "cosine"
    if possible and split(wanted)[0] not in possible:
        raise PlanError(
            f"The objective '{objective}' cannot use the similarity '{wanted}'. Leave it out, or choose one of "
            f"{listed(possible)}."
        )
    return wanted


def _load(kind: str, name: str, fitting: list[str]) -> Any:
    if name in SHELVES[kind]:
        module, _, attribute = SHELVES[kind][name].target.partition(":")
        return getattr(importlib.import_module(module), attribute)
    module, colon, attribute = name.partition(":")
    if not (colon and module and attribute) or module in LIBRARIES:
        raise UnknownName(
            f"There is no {kind} called '{name}'.{closest(name, fitting)} Choose one of {listed(fitting)}, "
            "or point to your own as 'package.module:name'."
        )
    try:
        part = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as wrong:
        raise UnknownName(f"The {kind} '{name}' cannot be loaded: {wrong}. Is its module on PYTHONPATH?") from wrong
    remember(name)
    return part
