"""The verbs about few labels: semi, and its steps finetune, distill, predict."""

from __future__ import annotations

import json
from typing import Annotated

from cyclopts import Parameter

from counterpoint.cli.app import AS_IT_IS, AsJson, Data, Flag, Place, Run, app, say, trusts
from counterpoint.cli.help import LABELS, example
from counterpoint.errors import InputError, counted
from counterpoint.plans import DistillPlan, FinetunePlan, SemiPlan

Tunings = Annotated[FinetunePlan, Parameter(name="*")]
Distillings = Annotated[DistillPlan, Parameter(name="*")]
Lifecycles = Annotated[SemiPlan, Parameter(name="*")]
TUNED_AS_USUAL, DISTILLED_AS_USUAL, ALL_AS_USUAL = FinetunePlan(), DistillPlan(), SemiPlan()


@app.command(
    group=LABELS, help_epilogue=example("counterpoint semi photos/ --labels labels.csv --out runs/sorted --minutes 60")
)
@trusts
def semi(
    source: str,
    *,
    labels: str | None = None,
    out: Place,
    resume: Annotated[bool, Flag] = False,
    overwrite: Annotated[bool, Flag] = False,
    data: Data = AS_IT_IS,
    choices: Lifecycles = ALL_AS_USUAL,
    as_json: AsJson = False,
) -> None:
    """From many items and few labels to a small classifier: fit, finetune, distill and report.

    Args:
        source: As for fit: all items there are.
        labels: As for finetune. With --per-class or --fraction a fifth of them is only asked about; otherwise all are
            learned from.
        out: The folder for the classifier and its report; the steps before it lie in pretrained and finetuned there.
        resume: Go on with the interrupted run in --out.
        overwrite: Replace the run in --out.
        data: How the source is read.
        choices: Every choice of the way.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api
    from counterpoint.runs import run_folder

    wanted = {**data.record(), **choices.record()}
    api.semi(source, labels=labels, out=out, resume=resume, overwrite=overwrite, **wanted)
    result = {"out": str(out), **json.loads((out / run_folder.TUNED).read_text(encoding="utf-8"))}
    lines = [f"The classifier is in {out}, its report is {out / 'report.html'}"]
    if (out / run_folder.BUDGET).exists():
        result["budget"] = json.loads((out / run_folder.BUDGET).read_text(encoding="utf-8"))
        lines.insert(0, api.efficiency_table(result["budget"]))
    say(result, "\n".join(lines), as_json=as_json)


@app.command(
    group=LABELS,
    help_epilogue=example("counterpoint finetune runs/photos photos/ --labels labels.csv --out runs/tuned"),
)
@trusts
def finetune(
    run: Run,
    source: str,
    *,
    labels: str | None = None,
    groups: str | None = None,
    out: Place,
    overwrite: Annotated[bool, Flag] = False,
    choices: Tunings = TUNED_AS_USUAL,
    as_json: AsJson = False,
) -> None:
    """Learn a classifier from the labelled items of SOURCE, beginning at the model in RUN.

    Args:
        run: The run folder of a model.
        source: As for fit; items without a label are not learned from.
        labels: folder, a column, an .npy file (-1 for no label), or a .csv file with the columns name and label; the
            source's own when left out.
        groups: As for evaluate: no fold parts what is of one group.
        out: The folder for the classifier.
        overwrite: Replace the run in --out.
        choices: Every choice of a fine-tuning.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api
    from counterpoint.runs import run_folder

    api.finetune(run, source, labels=labels, groups=groups, out=out, overwrite=overwrite, **choices.record())
    result = json.loads((out / run_folder.TUNED).read_text(encoding="utf-8"))
    say({"out": str(out), **result}, f"The classifier is in {out}", as_json=as_json)


@app.command(group=LABELS, help_epilogue=example("counterpoint distill runs/tuned photos/ --out runs/small --width 16"))
@trusts
def distill(
    run: Run,
    source: str,
    *,
    labels: str | None = None,
    out: Place,
    overwrite: Annotated[bool, Flag] = False,
    choices: Distillings = DISTILLED_AS_USUAL,
    as_json: AsJson = False,
) -> None:
    """Teach another network what the classifier or model in RUN knows, on the items of SOURCE, which need no labels.

    Args:
        run: The folder of a classifier, whose answers are learned, or of a model, to which the same items are alike.
        source: As for fit: all items there are.
        labels: As for finetune; they count with --label-weight.
        out: The folder for the student.
        overwrite: Replace the run in --out.
        choices: Every choice of a distillation.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api
    from counterpoint.runs import run_folder

    api.distill(run, source, labels=labels, out=out, overwrite=overwrite, **choices.record())
    result = json.loads((out / run_folder.TUNED).read_text(encoding="utf-8"))
    say({"out": str(out), **result}, f"The student is in {out}", as_json=as_json)


@app.command(group=LABELS, help_epilogue=example("counterpoint predict runs/tuned new/ --out predictions.csv"))
@trusts
def predict(
    run: Run, source: str, *, out: Place, spreadsheet_safe: Annotated[bool, Flag] = False, as_json: AsJson = False
) -> None:
    """Write the likeliest class of every item of SOURCE, with its probability.

    Args:
        run: The folder of a classifier, from finetune.
        source: As for fit.
        out: A .csv file with the columns name, label and probability.
        spreadsheet_safe: Put ' before names and labels that a spreadsheet would take for formulas.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api

    if out.suffix != ".csv":
        raise InputError(f"Predictions are written as .csv. Got --out={out}.")
    predictions = api.predict(run, source)
    api.write_predictions(predictions, out, spreadsheet_safe=spreadsheet_safe)
    say(
        {"out": str(out), "items": len(predictions)},
        f"{counted(len(predictions), 'label is', 'labels are')} in {out}",
        as_json=as_json,
    )
