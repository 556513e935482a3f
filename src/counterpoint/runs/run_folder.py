"""The folder of a run: who may write into it, and its contents.

plan.json  config.json  model.safetensors  metrics.jsonl  verdict.json  views.png  skipped.txt  state.pt  README.md
"""

from __future__ import annotations

import platform
import shlex
import shutil
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from counterpoint.catalogue.trust import PARTS, remember, require_trusted
from counterpoint.data.paths import holds_record, is_pattern, is_rest, matching
from counterpoint.errors import RunError, option
from counterpoint.interfaces import Items, info_of
from counterpoint.plans import by_new_names
from counterpoint.runs.locks import occupied
from counterpoint.storage import schemas
from counterpoint.storage.files import write_json, write_text
from counterpoint.storage.seals import is_sealed, seal
from counterpoint.storage.typed_json import read_json

PLAN, STATE, VERDICT = "plan.json", "state.pt", "verdict.json"
EVALUATION, VIEWS, SKIPPED = "evaluation.json", "views.png", "skipped.txt"
CURVES = ("tensorboard", "wandb", "mlflow")
TUNED, BUDGET, VERIFICATION = "tuned.json", "budget.json", "verification.json"
RETRIEVAL, LIKENESS = "retrieval.json", "likeness.json"
CONFIG, RECORDS = "config.json", "metrics.jsonl"
PRETRAINED, FINETUNED = "pretrained", "finetuned"
"""The folders of earlier steps, inside that of ``semi``."""

FILES = (
    STATE,
    VERDICT,
    EVALUATION,
    VIEWS,
    SKIPPED,
    CONFIG,
    "model.safetensors",
    "head.safetensors",
    "classifier.json",
    "classifier.safetensors",
    TUNED,
    BUDGET,
    VERIFICATION,
    RETRIEVAL,
    LIKENESS,
    "views.json",
    "README.md",
    "report.html",
    RECORDS,
    PLAN,
)
"""The files of a run in the order of removal: first what could be resumed, last what identifies the rest."""


EVERYTHING = (*FILES, *CURVES, PRETRAINED, FINETUNED)


def check(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse a folder that a run may not write into, before anything is opened or removed."""
    if folder.exists() and not folder.is_dir():
        raise RunError(f"'{folder}' is a file; give a folder for --out.")
    if resume and overwrite:
        raise RunError("Give --resume to go on or --overwrite to start anew, not both.")
    if not occupied(folder):
        if resume:
            raise RunError(f"There is nothing to resume in '{folder}': no {STATE}. Start without --resume.")
        return
    if not (holds_record(folder, PLAN) or is_rest(folder, EVERYTHING, (STATE, RECORDS, VERDICT))):
        raise RunError(f"'{folder}' holds other things than a run, so it is not overwritten. Choose another --out.")
    lacking = next((name for name in (STATE, PLAN) if not (folder / name).exists()), None)
    if resume and lacking:
        raise RunError(f"There is nothing to resume in '{folder}': no {lacking}. Start anew with --overwrite.")
    if not (resume or overwrite):
        resume_it = "Go on with --resume, start" if (folder / STATE).exists() else "Start"
        raise RunError(f"'{folder}' is not empty. {resume_it} anew with --overwrite, or choose another folder.")


def clear(folder: Path, *, but: Collection[str] = ()) -> None:
    """Remove the run from a folder, except other files and those named."""
    for name in CURVES:
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in FILES:
        if name not in but:
            (folder / name).unlink(missing_ok=True)


def start(folder: Path, record: Mapping[str, Any], items: Items) -> None:
    """Create a folder with the plan in it, in place of an earlier run; other files are kept."""
    clear(folder, but=[PLAN])  # which is replaced atomically, so that there is always one
    started = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(folder / PLAN, {**record, "started": started, "machine": machine()})
    skipped = info_of(items).skipped
    if skipped:
        write_text(folder / SKIPPED, "".join(f"{name}\t{reason}\n" for name, reason in skipped))


def read_plan(folder: Path) -> schemas.Plan:
    """The plan that ``start`` wrote."""
    try:
        return cast(schemas.Plan, by_new_names(read_json(folder / PLAN, schemas.Plan, "Start anew with --overwrite.")))
    except FileNotFoundError:
        raise RunError(f"There is no run in '{folder}': it has no {PLAN}.") from None


def source_of(folder: Path) -> str:
    """The data of a run that was made here, if it can be found by its name."""
    return at_hand(read_plan(folder), "source", "The run learned from")


def sealed(name: str, value: str | None, path: str | None) -> dict[str, str | None]:
    """A source for a record: its name, its path, and a seal, by which ``at_hand`` recognises it later."""
    return {name: value, f"{name}_path": path, f"{name}_seal": None if value is None else seal(value, path)}


def at_hand(record: Mapping[str, Any], name: str, what: str) -> str:
    """A source in a record that was made here, by its path if it is still there, or else by its name.

    Raises:
        RunError: There is neither, or the record was made elsewhere: then what it names is not read.
    """
    value, path = record.get(name), record.get(f"{name}_path")
    if isinstance(value, str) and value.startswith("sample:"):
        return value
    if not is_sealed(record.get(f"{name}_seal"), value, path):
        raise RunError(
            f"{what} '{value}'. That is not read unless you name it, for the run was made elsewhere: give --source, or "
            "--train."
        )
    result = next((each for each in (path, value) if isinstance(each, str) and _is_there(each)), None)
    if result is None:
        raise RunError(f"{what} '{value}', which is not to be found from here. Name the data: --source, or --train.")
    return result


def _is_there(source: str) -> bool:
    return Path(source).exists() or (is_pattern(source) and bool(matching(source)[1]))


def tested_on(folder: Path) -> str | None:
    """The source of the scores in a run folder; None where that is its own data, or unknown.

    Raises:
        RunError: It cannot be found.
    """
    try:
        result = read_json(folder / EVALUATION, schemas.Evaluation, "Evaluate again.")
    except (RunError, FileNotFoundError):  # the report mentions it
        return None
    name = "test" if result.get("test") else "train"
    return at_hand(result, name, "The scores are about") if result.get(name) else None


def merged(
    requested: Mapping[str, Any], before: Mapping[str, Any], usual: Mapping[str, Any], settled: Mapping[str, Any]
) -> dict[str, Any]:
    """The choices to resume with: those of the run. Different ones are refused.

    >>> merged({"epochs": None, "seed": 0}, {"epochs": 9, "seed": 0}, {"epochs": None, "seed": 0}, {})
    {'epochs': 9, 'seed': 0}
    """
    for name, value in requested.items():
        was = before.get(name) if before.get(name) != usual[name] else settled.get(name, before.get(name))
        if value not in (usual[name], was):
            raise RunError(
                f"The run was started with {option(name)}={was!r}, and {value!r} is asked for now. "
                f"Leave out {option(name)} to resume, or start anew with --overwrite."
            )
    require_trusted({name: value for name, value in before.items() if value != requested.get(name)}, "The run")
    remember(*(before.get(name) for name in PARTS))  # for a later step of this run, they are the user's
    return dict(before)


def same_data(before: Mapping[str, Any], identity: str) -> None:
    """Refuse to resume on other data, or on data that is read in another way: it would be another run."""
    if identity != before.get("identity"):
        raise RunError(
            f"The run was started on {before.get('items')} items of '{before['source']}', and this is not the same "
            "data and labels, or it is not seen by the same encoder and views. Resume with those, or start anew with "
            "--overwrite."
        )


def machine() -> dict[str, Any]:
    """The versions and the machine of a run's figures."""
    import torch

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "threads": torch.get_num_threads(),
    }


README = """# A run of Counterpoint

| file | what it is |
|---|---|
| plan.json | every choice, as requested and as resolved, the command and the machine |
| model.safetensors, config.json | the encoder, for `counterpoint.load` |
| head.safetensors | the projection head, for `counterpoint finetune` |
| classifier.safetensors, classifier.json | the classification layers, after `counterpoint finetune` |
| tuned.json | the number of labels, and scores |
| metrics.jsonl | one line for every measured step |
| verdict.json | whether it learned, in sentences |
| views.png, views.json | what the encoder was shown, for data with pictures or texts |
| skipped.txt | files that could not be read, where there were any |
| evaluation.json | scores with their baselines, after `counterpoint evaluate` |
| verification.json | the threshold between same and different, after `--method siamese` or `counterpoint verify` |
| budget.json | accuracy by number of labels, after `counterpoint evaluate --budget` |
| report.html | all of this to read, after `counterpoint report` |
| pretrained, finetuned | the steps before, after `counterpoint semi` |
| state.pt | to go on after an interruption; may be deleted when the run is finished |

"""


def not_evaluated(folder: Path | None) -> dict[str, str]:
    """The headline of a run that was not evaluated, as ``level`` and ``sentence``."""
    how = "" if folder is None else f": counterpoint evaluate {shlex.quote(str(folder))} --labels LABELS"
    return {"level": "warning", "sentence": f"Nothing is known of its use yet. Evaluate it with some labels{how}"}


def finish(folder: Path, verdicts: Sequence[Mapping[str, str]], *, steps: int, seconds: float) -> None:
    """Write the verdict, and a README that describes the files of the folder."""
    sentences = "".join(f"- {each['sentence']}\n" for each in (not_evaluated(folder), *verdicts))
    write_text(folder / "README.md", README + sentences)
    write_json(folder / VERDICT, {"verdicts": list(verdicts), "steps": steps, "seconds": round(seconds, 1)})
