"""Signatures and docstrings of verbs, read from their files without importing: help does not load torch."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any, NamedTuple

from counterpoint import plans
from counterpoint.plans.data_options import ReadOptions

RECORDS: Mapping[str, type[plans.Choices]] = {
    each.__name__: each
    for each in (
        plans.Plan,
        plans.ComparePlan,
        plans.TunePlan,
        plans.FinetunePlan,
        plans.DistillPlan,
        plans.SemiPlan,
        plans.LabPlan,
        plans.AuditPlan,
        plans.AnomalyPlan,
        ReadOptions,
    )
}


class Argument(NamedTuple):
    """An argument of a verb: ``kind`` is its annotation, ``text`` its sentence in the docstring."""

    name: str
    kind: str
    positional: bool
    required: bool
    default: Any
    text: str


class Signature(NamedTuple):
    """A verb: ``text`` is its docstring before the arguments, ``records`` are the classes of its choices."""

    name: str
    text: str
    arguments: Mapping[str, Argument]
    records: tuple[type[plans.Choices], ...]


def signature_of(name: str) -> Signature:
    """The signature of the verb in the file of its name.

    >>> signature = signature_of("predict")
    >>> list(signature.arguments)
    ['model', 'source', 'out', 'spreadsheet_safe', 'quiet']
    >>> signature.arguments["out"].kind, signature.arguments["source"].text
    ('str | Path | None', 'As for ``fit``.')
    """
    source = resources.files("counterpoint.verbs").joinpath(f"{name}.py").read_text(encoding="utf-8")
    start = source.rindex(f"\ndef {name}(")  # the last one: others are overloads
    end = source.index('"""', source.index('"""', start) + 3) + 3
    (function,) = ast.parse(source[start:end]).body
    assert isinstance(function, ast.FunctionDef)
    text, _, rest = (ast.get_docstring(function) or "").partition("\n\nArgs:\n")
    decorator = source[source.rindex("@verb(", 0, start) : start]
    named = re.findall(r"\w+", decorator[len("@verb(") : decorator.index(")")])
    arguments = _arguments(function.args, _sentences(rest.partition("\n\n")[0]))
    return Signature(name, text, arguments, tuple(RECORDS[each] for each in named))


def _arguments(parameters: ast.arguments, sentences: Mapping[str, str]) -> dict[str, Argument]:
    """The arguments of a function, in order."""
    first = [None] * (len(parameters.args) - len(parameters.defaults))
    defaults = [*first, *parameters.defaults, *parameters.kw_defaults]
    result = {}
    for place, (each, default) in enumerate(zip([*parameters.args, *parameters.kwonlyargs], defaults, strict=True)):
        kind = "" if each.annotation is None else ast.unparse(each.annotation)
        value = None if default is None else ast.literal_eval(default)
        result[each.arg] = Argument(
            each.arg, kind, place < len(parameters.args), default is None, value, sentences.get(each.arg, "")
        )
    return result


def _sentences(section: str) -> dict[str, str]:
    """The sentences of a docstring about arguments."""
    entries = re.split(r"^    (?=\w+:)", section, flags=re.MULTILINE)[1:]
    return {name: " ".join(text.split()) for name, _, text in (entry.partition(":") for entry in entries)}
