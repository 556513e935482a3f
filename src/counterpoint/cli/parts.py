"""The commands about parts: check, list."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import App, Parameter

from counterpoint.cli.app import app
from counterpoint.cli.help import TOOLS, example
from counterpoint.cli.maker import AsJson, say
from counterpoint.plans import Plan

Choices = Annotated[Plan, Parameter(name="*")]
USUAL = Plan()

checks = App(
    name="check",
    help="Prove that a promise holds on this machine, for your configuration.",
    group=TOOLS,
    help_epilogue=example("counterpoint check processes --method moco --width 8"),
)
app.command(checks)


@checks.command(help_epilogue=example("counterpoint check processes --method moco --width 8"))
def processes(
    source: str | None = None, *, labels: str | None = None, choices: Choices = USUAL, as_json: AsJson = False
) -> None:
    """Prove on 1, 2 and 4 processes that loss and gradient are those of one process with the whole batch.

    Args:
        source: Your data, as for fit; rows of random numbers when left out.
        labels: As for fit.
        choices: Every choice of a run; batches are cut to 64 items.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint.verbs.check_processes import check_processes

    (result,) = check_processes([choices], source, labels=labels)
    lines = [
        f"{each.processes} processes: loss differs by {each.loss:.1e}, gradients by {each.gradient:.1e}, memory by "
        f"{each.memory:.1e} of its largest value: {'the same' if each.agrees else 'NOT the same'} as one process"
        for each in result
    ]
    record = {
        "method": choices.method,
        "objective": choices.objective,
        "agrees": all(each.agrees for each in result),
        "deviations": [each._asdict() for each in result],
        "largest": max(max(each[1:]) for each in result),
    }
    say(record, "\n".join(lines), as_json=as_json)
    if not record["agrees"]:
        sys.exit(1)


@app.command(name="list", group=TOOLS, help_epilogue=example("counterpoint list methods"))
def list_parts(kind: str | None = None, *, as_json: AsJson = False) -> None:
    """List the parts of one KIND, or the kinds there are.

    Args:
        kind: methods, objectives, negatives, similarities, temperatures, encoders, views, modalities, trackers,
            optimizers, schedules, scalings, scorers or recipes.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import catalogue

    if kind is None:
        say(list(catalogue.plurals()), "\n".join(catalogue.plurals()), as_json=as_json)
        return
    shelf = catalogue.shelf(kind)
    wide = max(len(name) for name in shelf)
    lines = "\n".join(f"{name:{wide}} {row.summary}" for name, row in shelf.items())
    say({name: row.summary for name, row in shelf.items()}, lines, as_json=as_json)
