"""The output folder of a classifier or a student."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from counterpoint.classification.classifier import Classifier
from counterpoint.errors import InputError
from counterpoint.interfaces import Items
from counterpoint.model import Model
from counterpoint.plans import Choices
from counterpoint.runs import run_folder
from counterpoint.runs.provenance import command, described, directory, placed
from counterpoint.setup.progress import conclude
from counterpoint.storage.files import expanded, write_json, write_text
from counterpoint.training.diagnostics import Level


class Leaving(NamedTuple):
    """The output folder, None for nowhere, and the contents of its ``plan.json``."""

    folder: Path | None
    record: Mapping[str, Any]


def free(out: str | Path | None, begun: object, *, overwrite: bool) -> Path | None:
    """The folder to write to, once it may be written to; None where none was named."""
    if out is None:
        return None
    folder = expanded(out)
    run_folder.check(folder, resume=False, overwrite=overwrite)
    model = expanded(begun) if isinstance(begun, str | Path) else None
    if model is not None and model.exists() and folder.exists() and folder.samefile(model):
        raise InputError(f"'{folder}' holds the model to begin with. Choose another --out.")
    return folder


def leave(
    leaving: Leaving,
    kept: Classifier | Model,
    items: Items,
    result: dict[str, Any],
    conclusion: str,
    *,
    level: Level = "good",
) -> None:
    """Write the folder, where one was named, and print the result."""
    folder = leaving.folder
    if folder is not None:
        run_folder.start(folder, leaving.record, items)
        kept.save(folder)
        write_text(folder / "README.md", run_folder.README + f"- {conclusion}\n")
        left = {**result, "conclusion": conclusion, "level": level}
        write_json(folder / run_folder.TUNED, left)  # last, as it marks the folder as complete
    conclude({"level": level, "sentence": conclusion}, [])


def requested_record(source: object, labels: object, choices: Choices) -> dict[str, Any]:
    """The request, for ``plan.json``."""
    sources = {**placed("source", source), "labels": described(labels), "command": command(), "directory": directory()}
    return {**sources, "asked": choices.record(), "settled": choices.record()}
