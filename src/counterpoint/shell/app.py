"""The command line that the verbs are hung on, and what their options share."""

from __future__ import annotations

import json
from typing import Annotated, Any

from cyclopts import App, Parameter

from counterpoint import __version__
from counterpoint.plans import Plan

app = App(
    name="counterpoint",
    help="Learn without labels what makes things alike, see whether it worked, and put it to use.",
    version=__version__,
    result_action="return_value",
)

Choices = Annotated[Plan, Parameter(name="*")]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON object and nothing else.")]
Flag = Parameter(negative="")
USUAL = Plan()


def say(record: Any, text: str, *, as_json: bool) -> None:
    """Print a record for programs, or a text for people."""
    print(json.dumps(record) if as_json else text)
