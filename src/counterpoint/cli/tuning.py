"""The verbs that help to choose: compare, tune, lab."""

from __future__ import annotations

import re
from typing import Annotated

from cyclopts import Parameter

from counterpoint.cli.app import AS_IT_IS, USUAL, AsJson, Choices, Data, Flag, Place, Run, app, say, trusts
from counterpoint.cli.help import CHOOSE, example
from counterpoint.plans import LabPlan

Labs = Annotated[LabPlan, Parameter(name="*")]
USUAL_LAB = LabPlan()


@app.command(
    group=CHOOSE,
    help_epilogue=example("counterpoint compare photos/ --methods simclr,moco --labels folder --out runs/compared"),
)
def compare(
    source: str,
    *,
    methods: str,
    labels: str | None = None,
    test: str | None = None,
    seeds: int = 3,
    out: Place,
    resume: Annotated[bool, Flag] = False,
    overwrite: Annotated[bool, Flag] = False,
    data: Data = AS_IT_IS,
    choices: Choices = USUAL,
    as_json: AsJson = False,
) -> None:
    """Train several methods on SOURCE for the same time each, and say whose representation answers best.

    Args:
        source: As for fit.
        methods: Names with commas between, such as simclr,moco,vicreg: counterpoint list methods. Other choices may
            stand behind each: "simclr, simclr negatives=cancelled".
        labels: As for evaluate; only methods that need labels learn from them.
        test: Labelled items to ask about; a fifth of every class of SOURCE when left out.
        seeds: How often everything is repeated.
        out: The folder for all runs, the table and the report.
        resume: Go on with the comparison in --out; what is finished is not done again.
        overwrite: Replace the comparison in --out.
        data: How the source is read.
        choices: Every choice of a run but --method; --minutes is the time of each, 3 when left out.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api

    result = api.compare(
        source,
        _several(methods),
        labels=labels,
        test=test,
        seeds=seeds,
        out=out,
        resume=resume,
        overwrite=overwrite,
        **data.record(),
        **choices.record(),
    )
    text = f"{result}\nThe runs are in {out}, the report is {out / 'report.html'}"
    say({"out": str(out), **result}, text, as_json=as_json)


@app.command(
    group=CHOOSE, help_epilogue=example("counterpoint tune photos/ --labels folder --minutes 60 --out runs/tuned")
)
@trusts
def tune(
    source: str,
    *,
    out: Place,
    labels: str | None = None,
    test: str | None = None,
    trials: int | None = None,
    repeats: int | None = None,
    resume: Annotated[bool, Flag] = False,
    overwrite: Annotated[bool, Flag] = False,
    data: Data = AS_IT_IS,
    choices: Choices = USUAL,
    as_json: AsJson = False,
) -> None:
    """Search the choices of a plan on SOURCE, and say whether the best plan is better than the usual one.

    Searched are temperature, learning rate, strength of the views, head, objective and batch size, but not what is
    given here.

    Args:
        source: As for fit.
        out: The folder for best.json, trials.json and report.html.
        labels: As for evaluate, or own for those that SOURCE carries: plans are scored by a linear probe. Without
            labels they are scored by a measure that needs none.
        test: Labelled items to ask about; a fifth of every class of SOURCE when left out.
        trials: How many plans are tried at most; 20 with --epochs.
        repeats: Seeds with which the best and the usual plan are repeated, 2 when left out.
        resume: Go on with the search in --out for what is left of --minutes.
        overwrite: Replace the search in --out.
        data: How the source is read.
        choices: Every choice of a run; what is given is not searched. --minutes is the time of the whole search, 30
            when left out; --epochs is the length of each plan instead.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api

    result = api.tune(
        source,
        out=out,
        labels=labels,
        test=test,
        trials=trials,
        repeats=repeats,
        resume=resume,
        overwrite=overwrite,
        **data.record(),
        **choices.record(),
    )
    text = f"{result}\nThe report is {out / 'report.html'}"
    say({"out": str(out), **result}, text, as_json=as_json)


@app.command(group=CHOOSE, help_epilogue=example("counterpoint lab photos/ --labels folder --out runs/lab"))
@trusts
def lab(
    source: str,
    *,
    labels: str | None = None,
    views: str | None = None,
    model: Run | None = None,
    out: Place | None = None,
    overwrite: Annotated[bool, Flag] = False,
    data: Data = AS_IT_IS,
    choices: Labs = USUAL_LAB,
    as_json: AsJson = False,
) -> None:
    """Say what every view does to the items of SOURCE: each change alone, all together, half and twice as strong.

    Nothing is trained. For each look: how alike two views of an item are, whether the item is found again among others,
    and with --labels how much of what tells classes apart is taken away.

    Args:
        source: As for fit.
        labels: As for evaluate, or own for those that SOURCE carries.
        views: Names or package.module:name, several with commas between; the usual ones when left out.
        model: A run whose encoder measures, in place of one that never learned.
        out: A folder for lab.json and report.html.
        overwrite: Replace the lab in --out.
        data: How the source is read.
        choices: What is looked at, and by what.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api

    given = None if views is None else _several(views)
    wanted = {**data.record(), **choices.record()}
    result = api.lab(source, labels=labels, views=given, model=model, out=out, overwrite=overwrite, **wanted)
    text = str(result) + (f"\nThe report is {out / 'report.html'}" if out else "")
    say(result, text, as_json=as_json)


def _several(names: str) -> list[str]:
    """Names with commas between; those inside brackets part options."""
    return [each.strip() for each in re.split(r",(?![^(]*\))", names) if each.strip()]
