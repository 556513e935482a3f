"""What fine-tuning and distilling share: how weights are moved, and the folder that is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from counterpoint import catalogue, runs
from counterpoint.classifiers.classifier import Classifier
from counterpoint.errors import InputError
from counterpoint.files import write_json, write_text
from counterpoint.fitting import command, said
from counterpoint.interfaces import Items
from counterpoint.model import Model
from counterpoint.plans import Choices, Distilling, Tuning
from counterpoint.progress import console
from counterpoint.training.devices import choose_device, choose_precision, keep_freed_memory
from counterpoint.training.loop import Recipe
from counterpoint.training.optimise import default_rates


def recipe(asked: Tuning | Distilling, batch_size: int, *, gentle: float = 1.0) -> Recipe:
    """How to move the weights, for a number of steps that is yet to be said.

    ``gentle`` is the share of the optimiser's own learning rate that is taken where none was asked for.
    """
    keep_freed_memory()
    device = choose_device("auto")
    make = catalogue.find("optimizer", asked.optimizer)
    usual, decay = default_rates(make)
    return Recipe(
        steps=1,
        batch_size=batch_size,
        optimizer=make,
        learning_rate=gentle * usual if asked.learning_rate is None else asked.learning_rate,
        weight_decay=decay,
        seed=asked.seed,
        device=device,
        precision=choose_precision("auto", device),
    )


def free(out: str | Path | None, begun: object, *, overwrite: bool) -> Path | None:
    """The folder to write to, once it is plain that it may be written to; None where none was named."""
    if out is None:
        return None
    folder = Path(out)
    runs.check(folder, resume=False, overwrite=overwrite)
    if isinstance(begun, str | Path) and folder.resolve() == Path(begun).resolve():
        raise InputError(f"'{folder}' holds the model to begin with. Choose another --out.")
    return folder


def leave(
    folder: Path | None,
    classifier: Classifier,
    items: Items,
    record: dict[str, Any],
    found: dict[str, Any],
    conclusion: str,
) -> None:
    """Write the folder, where one was asked for, and say what came of it."""
    if folder is not None:
        runs.start(folder, record, items)
        classifier.save(folder)
        write_json(folder / runs.TUNED, {**found, "conclusion": conclusion})
        write_text(folder / "README.md", runs.README + f"- {conclusion}\n")
    console().print(conclusion, markup=False)


def asked_for(source: object, labels: object, choices: Choices) -> dict[str, Any]:
    """What was asked, for ``plan.json``."""
    given = {"source": said(source), "labels": said(labels), "command": command()}
    return {**given, "asked": choices.record(), "settled": choices.record()}


def require_views(model: Model) -> None:
    """Refuse a model whose views no file can hold."""
    if not model.modality.can_look():
        raise InputError("This model was trained with views by a callable, which is not saved: give a model in memory.")
