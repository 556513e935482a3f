"""The command line that the verbs are hung on, and what their options share."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, ParamSpec

from cyclopts import App, Parameter, Token

from counterpoint import __version__
from counterpoint.catalogue.trust import trusting
from counterpoint.cli.help import TOOLS, Layout, example
from counterpoint.errors import no_run, visible
from counterpoint.plans import Plan
from counterpoint.plans.data_options import AS_IT_IS as AS_IT_IS
from counterpoint.plans.data_options import ReadOptions
from counterpoint.storage.files import expanded

P = ParamSpec("P")
COMPLETE = "counterpoint --install-completion --shell bash"

app = App(
    name="counterpoint",
    help="Learn without labels what makes things alike, see whether it worked, and put it to use.",
    version=__version__,
    result_action="return_value",
    help_formatter=Layout(),
    help_epilogue=example("counterpoint fit photos/ --out runs/photos", "counterpoint fit --help"),
)
for built_in in ("--help", "--version"):
    app[built_in].group = TOOLS
app.register_install_completion_command(
    help="Let bash, zsh or fish complete verbs and options.", group=TOOLS, help_epilogue=example(COMPLETE)
)


def _given(_: Any, tokens: Sequence[Token]) -> Path:
    return expanded(tokens[0].value)


Place = Annotated[Path, Parameter(converter=_given)]
"""The path of a file or a folder, where ~ is followed even behind a = and in quotation marks."""


def _there(_: Any, tokens: Sequence[Token]) -> Path:
    path = expanded(tokens[0].value)
    if not path.exists() and not path.suffix:
        raise no_run(path)  # at once, before torch is imported
    return path


Run = Annotated[Path, Parameter(converter=_there)]
"""The folder of a run, or a file with a suffix that may stand in its place."""

Choices = Annotated[Plan, Parameter(name="*")]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON object and nothing else.")]
Data = Annotated[ReadOptions, Parameter(name="*", allow_leading_hyphen=True)]
Flag = Parameter(negative="")
Several = Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")]
Trust = Annotated[
    bool, Parameter(negative="", help="Run code from outside of Counterpoint that the run names, such as views.")
]
USUAL = Plan()


def trusts(verb: Callable[P, None]) -> Callable[P, None]:
    """The verb with ``--trust``: it loads what a run folder names from outside of this package, too."""

    @functools.wraps(verb)
    def trusting_verb(*args: P.args, **kwargs: P.kwargs) -> None:
        with trusting(bool(kwargs.pop("trust", False))):
            verb(*args, **kwargs)

    signature = inspect.signature(verb, eval_str=True)
    option = inspect.Parameter("trust", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Trust)
    parameters = [*signature.parameters.values(), option]
    setattr(trusting_verb, "__signature__", signature.replace(parameters=parameters))  # noqa: B010
    trusting_verb.__annotations__ = {each.name: each.annotation for each in parameters}
    return trusting_verb


def say(record: Any, text: str, *, as_json: bool) -> None:
    """Print a record for programs, or a text for people."""
    print(json.dumps(record) if as_json else visible(text))
