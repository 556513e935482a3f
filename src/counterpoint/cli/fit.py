"""The verbs that learn without labels: fit, plan."""

from __future__ import annotations

import json
from typing import Annotated

from counterpoint.cli.app import AS_IT_IS, USUAL, AsJson, Choices, Data, Flag, Place, app, say, trusts
from counterpoint.cli.help import LEARN, example


@app.command(group=LEARN, help_epilogue=example("counterpoint fit photos/ --out runs/photos --minutes 30"))
@trusts
def fit(
    source: str,
    *,
    out: Place,
    labels: str | None = None,
    pairs: str | None = None,
    resume: Annotated[bool, Flag] = False,
    overwrite: Annotated[bool, Flag] = False,
    data: Data = AS_IT_IS,
    choices: Choices = USUAL,
    as_json: AsJson = False,
) -> None:
    """Train an encoder on SOURCE; most methods need no labels.

    Args:
        source: A folder, an archive, a file (.csv .parquet .npy .npz, IDX), or sample:fashion.
        out: The run folder.
        labels: folder, a column, an .npy file, or a .csv file with the columns name and label. Methods that need labels
            learn from them; with all others they only show the accuracy of neighbours as the run goes. With columns of
            pairs it is the column of how alike they are, for cosent and no other.
        pairs: Columns of texts that belong together, such as question,answer; or a .csv file with the columns first,
            second and same, for siamese.
        resume: Go on with the interrupted run in --out.
        overwrite: Replace the run in --out.
        data: How the source is read.
        choices: Every choice of a run.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api
    from counterpoint.runs import run_folder
    from counterpoint.training.distributed import launched

    given = {"labels": labels, "pairs": pairs, **data.record()}
    api.fit(source, out=out, **given, resume=resume, overwrite=overwrite, **choices.record())
    if not launched().first:
        return
    verdicts = json.loads((out / run_folder.VERDICT).read_text(encoding="utf-8"))
    kept = run_folder.read_plan(out)
    classes = kept.get("classes") or kept.get("followed")
    say(
        {"out": str(out), **verdicts, **({"classes": classes} if classes else {})},
        f"The model is in {out}",
        as_json=as_json,
    )


@app.command(group=LEARN, help_epilogue=example("counterpoint plan photos/ --method moco"))
def plan(
    source: str,
    *,
    labels: str | None = None,
    pairs: str | None = None,
    data: Data = AS_IT_IS,
    choices: Choices = USUAL,
    as_json: AsJson = False,
) -> None:
    """Show what fit would do with SOURCE on this machine, and do nothing.

    Args:
        source: As for fit.
        labels: As for fit.
        pairs: As for fit.
        data: How the source is read.
        choices: Every choice of a run.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api

    result = api.plan(source, labels=labels, pairs=pairs, **data.record(), **choices.record())
    say(result, str(result), as_json=as_json)
