"""Name to part, by the rows of ``shelves``; nothing is imported before it is asked for.

A part is asked for as ``name``, as ``name(option=value, ...)``, or, for parts of your own, as
``package.module:name`` with or without options.

>>> find("objective", "info_nce(temperature=0.5)").keywords
{'temperature': 0.5}
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any

from counterpoint.errors import InputError, PlanError, UnknownName, closest, listed
from counterpoint.shelves import SHELVES as SHELVES
from counterpoint.shelves import Row

LIBRARIES = ("timm", "hf")
"""Before a colon these name the networks of a library."""


def names(kind: str) -> list[str]:
    """Every name on a shelf, in its order."""
    return list(SHELVES[kind])


def plurals() -> dict[str, str]:
    """The kinds of parts, by what several of each are called."""
    return {f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind.removesuffix('s')}s": kind for kind in SHELVES}


def shelf(kinds: str) -> dict[str, Row]:
    """The shelf with this name, in the singular or the plural.

    >>> list(shelf("similarities"))
    ['cosine', 'dot', 'euclidean', 'uncertain']
    """
    kind = plurals().get(kinds, kinds)
    if kind not in SHELVES:
        raise UnknownName(
            f"There is no list of '{kinds}'.{closest(kinds, plurals())} Choose one of {listed(plurals())}."
        )
    return SHELVES[kind]


def split(spec: str) -> tuple[str, dict[str, Any]]:
    """A name and the options written behind it.

    >>> split("moco(queue=8192, momentum=0.999)")
    ('moco', {'queue': 8192, 'momentum': 0.999})
    """
    name, bracket, _ = spec.partition("(")
    if not bracket:
        return spec.strip(), {}
    try:
        call = ast.parse(f"part({spec[len(name) + 1 :]}", mode="eval").body
        if not isinstance(call, ast.Call) or call.args:
            raise ValueError(spec)
        return name.strip(), {str(key.arg): ast.literal_eval(key.value) for key in call.keywords}
    except (SyntaxError, ValueError) as wrong:
        raise InputError(f"'{spec}' cannot be read. Write options as name(option=value, other=value).") from wrong


def written(name: str, options: Mapping[str, Any]) -> str:
    """A name with options behind it, as ``split`` reads it.

    >>> written("moco", {"queue": 8192}), written("moco", {})
    ('moco(queue=8192)', 'moco')
    """
    return f"{name}({', '.join(f'{each}={value!r}' for each, value in options.items())})" if options else name


def from_outside(spec: str) -> bool:
    """Whether a name points into a module of a person's own, and not to a part of ours or of a library.

    >>> from_outside("mine.networks:small"), from_outside("timm:resnet18"), from_outside("resnet18")
    (True, False, False)
    """
    module, colon, _ = split(spec)[0].partition(":")
    return bool(colon) and module not in LIBRARIES


def find(kind: str, spec: str, *, only: str = "") -> Any:
    """The part behind a name, its options already filled in.

    Args:
        kind: The shelf.
        spec: ``name``, ``name(option=value)`` or ``package.module:name``.
        only: The kind of data that it is wanted for; a part for another kind is refused.

    Raises:
        UnknownName: No part or no option is called that; the message has a suggestion.
        PlanError: The part is for another kind of data.
    """
    name, options = split(spec)
    row = SHELVES[kind].get(name)
    fitting = [each for each, other in SHELVES[kind].items() if not only or other.only in ("", only)]
    if row is not None and name not in fitting:
        raise PlanError(f"The {kind} '{name}' is for {row.only} data, not for {only}. Choose one of {listed(fitting)}.")
    part = _load(kind, name, fitting)
    if not options:
        return part
    known = list(inspect.signature(part).parameters)
    for option in options:
        if option not in known:
            raise UnknownName(
                f"The {kind} '{name}' has no option '{option}'.{closest(option, known)} Options: {listed(known)}."
            )
    return partial(part, **options)


def similarity(objective: str, wanted: str = "auto") -> str:
    """The similarity that was asked for, or with ``auto`` the objective's own.

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
    if not (colon and module and attribute):
        raise UnknownName(
            f"There is no {kind} called '{name}'.{closest(name, fitting)} Choose one of {listed(fitting)}, "
            "or point to your own as 'package.module:name'."
        )
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as wrong:
        raise UnknownName(f"The {kind} '{name}' cannot be loaded: {wrong}. Is its module on PYTHONPATH?") from wrong
