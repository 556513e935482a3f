"""The verbs that help to choose: compare."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from counterpoint.shell.app import USUAL, AsJson, Choices, Flag, app, say


@app.command
def compare(
    source: str,
    *,
    methods: str,
    labels: str | None = None,
    test: str | None = None,
    seeds: int = 3,
    column: str | None = None,
    out: Path,
    resume: Annotated[bool, Flag] = False,
    overwrite: Annotated[bool, Flag] = False,
    choices: Choices = USUAL,
    as_json: AsJson = False,
) -> None:
    """Train several methods on SOURCE for the same time each, and say whose representation answers best.

    Args:
        source: As for fit.
        methods: Names with commas between, such as simclr,moco,vicreg: counterpoint list methods.
        labels: As for evaluate; only methods that need labels learn from them.
        test: Labelled items to ask about; a fifth of every class of SOURCE when left out.
        seeds: How often everything is repeated.
        column: As for fit.
        out: The folder for all runs, the table and the report.
        resume: Go on with the comparison in --out; what is finished is not done again.
        overwrite: Replace the comparison in --out.
        choices: Every choice of a run but --method; --minutes is the time of each, 3 when left out.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api

    found = api.compare(
        source,
        [each.strip() for each in re.split(r",(?![^(]*\))", methods) if each.strip()],
        labels=labels,
        test=test,
        seeds=seeds,
        column=column,
        out=out,
        resume=resume,
        overwrite=overwrite,
        **choices.record(),
    )
    text = f"{api.contest_table(found)}\nThe runs are in {out}, the report is {out / 'report.html'}"
    say({"out": str(out), **found}, text, as_json=as_json)
