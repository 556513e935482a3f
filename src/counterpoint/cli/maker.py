"""Makes shell commands from verbs: from their signatures and docstrings, and what only a shell needs.

In a shell a run is given by its folder, ``--json`` prints a record, ``--trust`` lets code from outside run, and ``~``
is expanded in paths. Everything else is defined by the verb.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from cyclopts import Group, Parameter, Token

from counterpoint.catalogue.trust import trusting
from counterpoint.cli.app import app
from counterpoint.cli.help import example
from counterpoint.cli.signatures import RECORDS, Argument, Signature, signature_of
from counterpoint.errors import no_run, option, visible
from counterpoint.plans import Choices, choices_in, types_of
from counterpoint.plans.data_options import ReadOptions
from counterpoint.storage.files import expanded

Given = dict[str, Any]
"""The arguments of a command, by their names in the shell."""


class Shown(NamedTuple):
    """What a command prints: a record for programs, and a text for people."""

    record: Any
    text: str
    failure: str = ""
    """The sentence of a failure; the exit status shows it, too."""


Shows = Callable[[Given], Shown | None]

FIRST = ("model", "run", "source", "first", "second", "a", "b")
"""Positional arguments in Python that are positional in the shell, too; all others are options."""

CALLED = {("analogies", "source"): "analogies"}
"""Arguments that have another name in the shell; a model that comes first is a run folder there."""

FOLDER = ("A model or a run folder", "The run folder")
PATHS, RUNS = ("out", "html", "analogies", "apply"), ("run", "model")
SHORT = {"k": ["-k", "--k"]}
CHOICES = {name for record in RECORDS.values() for name in types_of(record)}
COMMANDS: dict[str, Sequence[str]] = {}
"""Every command that was made, with the verbs that it calls."""

PYTHON_ONLY = ("quiet", "listeners")
"""Arguments that exist in Python only, and those that redirect messages."""


def _path(_: Any, tokens: Sequence[Token]) -> Path:
    return expanded(tokens[0].value)  # ~ is expanded even after = and in quotation marks


def _run(_: Any, tokens: Sequence[Token]) -> Path:
    path = expanded(tokens[0].value)
    if not path.exists() and not path.suffix:  # with a suffix it may be a file of vectors
        raise no_run(path)  # at once, before torch is imported
    return path


AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON object and nothing else.")]
Trust = Annotated[
    bool, Parameter(negative="", help="Run code from outside of Counterpoint that the run names, such as views.")
]


def command(
    name: str,
    group: Group,
    *examples: str,
    verbs: Sequence[str] = (),
    needs: Sequence[str] = (),
    several: Sequence[str] = (),
    words: Mapping[str, str] | None = None,
) -> Callable[[Shows], Shows]:
    """Add a command to the application that takes the arguments of its verbs.

    The function receives the arguments; its docstring is the help of the command, if it has one, else that of the verb.

    Args:
        name: The name of the command.
        group: The title under which the help lists it.
        examples: Commands for the end of its help.
        verbs: The verbs that it chooses among, or calls; that of this name if none is named.
        needs: Arguments that are required in the shell only.
        several: Options that take several words.
        words: Sentences that replace those of the verbs.
    """

    def hung(shows: Shows) -> Shows:
        COMMANDS[name] = verbs or (name,)
        signatures = [declared(verb) for verb in COMMANDS[name]]
        arguments = merged(signatures)
        parameters = [
            _parameter(
                each._replace(text=(words or {}).get(each.name) or in_shell(each.text, arguments)),
                [record for signature in signatures for record in signature.records],
                needed=each.name in needs,
                several=each.name in several,
            )
            for each in arguments.values()
        ]
        text = (inspect.isfunction(shows) and inspect.getdoc(shows)) or in_shell(signatures[0].text, arguments)
        run = _running(shows, signatures, sorted(parameters, key=lambda each: each.kind))
        app.command(run, name=name, group=group, help=text, help_epilogue=example(*examples))
        return shows

    return hung


@functools.cache
def declared(verb: str) -> Signature:
    """The arguments of a verb, by their names in the shell and without those that exist in Python only."""
    signature = signature_of(verb)
    arguments = {}
    for name, each in signature.arguments.items():
        usual = "run" if name == "model" and each.positional else name
        if name not in PYTHON_ONLY:
            arguments[name] = each._replace(name=CALLED.get((verb, name), usual))
    return signature._replace(arguments=arguments)


def done(verb: str, values: Given, **others: Any) -> Any:
    """The result of a verb for the arguments of a command, and for further arguments by the verb's own names."""
    from counterpoint import api

    names = {each.name: name for name, each in declared(verb).arguments.items()}
    arguments = {names[name]: value for name, value in values.items() if name in names}
    return getattr(api, verb)(**{**arguments, **others})


def merged(signatures: Sequence[Signature]) -> dict[str, Argument]:
    """The arguments of several verbs; one is optional where it is for any of them."""
    result: dict[str, Argument] = {}
    for each in [argument for signature in signatures for argument in signature.arguments.values()]:
        result.setdefault(each.name, each)
    needed = [{each.name for each in every.arguments.values() if each.required} for every in signatures]
    return {name: each._replace(required=name in set.intersection(*needed)) for name, each in result.items()}


def in_shell(text: str, arguments: Mapping[str, Argument]) -> str:
    """A text of a docstring for the shell, with arguments spelled as options.

    >>> in_shell("Replace the run in ``out``, see ``docs/a.md``.", {"out": Argument("out", "", False, False, None, "")})
    'Replace the run in --out, see docs/a.md.'
    """

    def written(value: re.Match[str]) -> str:
        name = "run" if value[1] == "model" and "run" in arguments else value[1]
        if name in CHOICES - arguments.keys():
            return option(name)
        if name not in arguments:
            return re.sub(r'^"([^"]*)"$', r"\1", value[1])
        return name.upper() if _comes_first(arguments[name]) else option(name)

    return re.sub(r"``(.+?)``", written, text.replace(*FOLDER))


def say(record: Any, text: str, *, as_json: bool) -> None:
    """Print a record for programs, or a text."""
    print(json.dumps(record) if as_json else visible(text))


def _comes_first(argument: Argument) -> bool:
    return argument.positional and argument.name in FIRST


def _running(
    shows: Shows, signatures: Sequence[Signature], parameters: Sequence[inspect.Parameter]
) -> Callable[..., None]:
    """The function that cyclopts calls, with the arguments that it reads."""
    added = {"trust": Trust, "as_json": AsJson}
    every = [
        *parameters,
        *(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
            for name, kind in added.items()
        ),
    ]
    signature = inspect.Signature(every)

    def run(*args: Any, **kwargs: Any) -> None:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        values = {name: value for name, value in bound.arguments.items() if name not in added}
        for record in {record for each in signatures for record in each.records}:
            record.of(choices_in(values, record))  # at once, before torch is imported
        with trusting(bound.arguments["trust"]):
            shown = shows(values)
        if shown is not None:
            say(shown.record, shown.text, as_json=bound.arguments["as_json"])
        if shown is not None and shown.failure:
            print(f"counterpoint: {visible(shown.failure)}", file=sys.stderr)
            sys.exit(2)

    setattr(run, "__signature__", signature)  # noqa: B010
    run.__annotations__ = {each.name: each.annotation for each in every}
    return run


def _parameter(
    argument: Argument, records: Sequence[type[Choices]], *, needed: bool, several: bool
) -> inspect.Parameter:
    """An argument of a verb for cyclopts."""
    kind, how = _kind(argument, records, several=several)
    required = argument.required or needed
    if argument.default is None and not required:
        kind = kind | None
    return inspect.Parameter(
        argument.name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD if _comes_first(argument) else inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if required else None if several else argument.default,
        annotation=Annotated[kind, Parameter(name=SHORT.get(argument.name), help=argument.text, **how)],
    )


def _kind(argument: Argument, records: Sequence[type[Choices]], *, several: bool) -> tuple[Any, dict[str, Any]]:
    """The type of an argument in the shell, and its converter."""
    for record in records:
        if argument.name in types_of(record):
            return types_of(record)[argument.name], {"allow_leading_hyphen": True} if record is ReadOptions else {}
    if argument.name in RUNS:
        return Path, {"converter": _run}
    if argument.name in PATHS:
        return Path, {"converter": _path}
    if several:
        return list[str] | None, {"consume_multiple": True, "negative": ""}
    kinds = argument.kind.split(" | ")
    if "bool" in kinds:
        return bool, {"negative": ""}
    return next((kind for kind in (int, float) if kind.__name__ in kinds), str), {}
