"""The verbs about few labels: from a model and some labels to a classifier, and from that to a label for every item."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint import catalogue, runs
from counterpoint.classifiers.classifier import Classifier, Prediction, load_classifier
from counterpoint.classifiers.tuning import Tuned, Way, tune
from counterpoint.data.labels import read_some_labels
from counterpoint.data.splits import budget
from counterpoint.data.subset import Subset
from counterpoint.errors import InputError
from counterpoint.files import write_json, write_text
from counterpoint.fitting import command, said, unseen
from counterpoint.model import Model, load
from counterpoint.plans import Tuning
from counterpoint.progress import console
from counterpoint.training.devices import choose_device, choose_precision, keep_freed_memory
from counterpoint.training.loop import Recipe
from counterpoint.training.optimise import default_rates

GENTLE = 0.5
"""Of the optimiser's own learning rate: an encoder that has learned already is moved with less force."""


def finetune(
    model: Model | str | Path,
    source: object,
    *,
    labels: object = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    **choices: Any,
) -> Classifier:
    """Learn a classifier from some labelled items, beginning at what the model knows.

    Args:
        model: A model or a run folder; it is left as it is.
        source: The items, as for ``fit``; those without a label are not learned from.
        labels: As for ``evaluate``, or a ``.csv`` file with the columns name and label. -1, empty and unnamed mean
            that an item has none. None for the labels that the source carries.
        out: The folder for the classifier, which is a model as well: it can be embedded with.
        overwrite: Replace the run in ``out``.
        choices: Any field of ``Tuning``.

    Raises:
        InputError: The labels, a choice or the folder cannot be used; the message says what to do.
    """
    tuning = Tuning.of(choices)
    folder = None if out is None else Path(out)
    if folder is not None:
        runs.check(folder, resume=False, overwrite=overwrite)
    kept = model if isinstance(model, Model) else load(model)
    if folder is not None and not isinstance(model, Model) and folder.resolve() == Path(model).resolve():
        raise InputError(f"'{folder}' holds the model to begin with. Choose another --out.")
    unseen(labels, kept.modality)
    items = kept.modality.open(source)
    codes, classes = read_some_labels(labels, source, items)
    rows = np.flatnonzero(
        budget(codes, classes, per_class=tuning.per_class, fraction=tuning.fraction, seed=tuning.seed)
    )
    tuned = tune(kept, Subset(items, rows), codes[rows], classes, _way(kept, tuning))
    if folder is not None:
        record = _record(source, labels, tuning, tuned, len(rows))
        runs.start(folder, record, items)
        tuned.classifier.save(folder)
        write_json(folder / runs.TUNED, record["tuned"])
        write_text(folder / "README.md", runs.README + f"- {sentence(record['tuned'])}\n")
    console().print(sentence(_found(tuned, len(rows))), markup=False)
    return tuned.classifier


def predict(classifier: Classifier | str | Path, source: object) -> list[Prediction]:
    """The likeliest class of every item of a source, with its probability."""
    kept = classifier if isinstance(classifier, Classifier) else load_classifier(classifier)
    return list(kept.predict(source))


def write_predictions(predictions: Sequence[Prediction], path: Path) -> None:
    """A table with the columns name, label and probability, written whole or not at all."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["name", "label", "probability"])
    table.writerows((each.name, each.label, f"{each.probability:.6f}") for each in predictions)
    write_text(path, text.getvalue())


def sentence(found: dict[str, Any]) -> str:
    """What was learned from, and what is known of how well.

    >>> sentence({"labels": 20, "classes": 2, "epochs": 9, "held_out": 4, "accuracy": 0.75, "temperature": 1.5})
    '20 labels of 2 classes, 9 epochs: 75% of 4 held-out labels right before they were learned from too.'
    """
    learned = f"{found['labels']:,} labels of {found['classes']} classes, {found['epochs']} epochs"
    if found["accuracy"] is None:
        return f"{learned}: no label could be held out, so nothing is known of how well it does."
    asked = f"{found['accuracy']:.0%} of {found['held_out']:,} held-out labels right"
    return f"{learned}: {asked} before they were learned from too."


def _way(model: Model, tuning: Tuning) -> Way:
    keep_freed_memory()
    device = choose_device("auto")
    make = catalogue.find("optimizer", tuning.optimizer)
    usual, decay = default_rates(make)
    recipe = Recipe(
        steps=1,
        batch_size=tuning.batch_size,
        optimizer=make,
        learning_rate=GENTLE * usual if tuning.learning_rate is None else tuning.learning_rate,
        weight_decay=decay,
        seed=tuning.seed,
        device=device,
        precision=choose_precision("auto", device),
    )
    kept = 0 if model.head is None else len([layer for layer in model.head if hasattr(layer, "in_features")]) - 1
    if tuning.head_layers > kept and tuning.head_layers != Tuning().head_layers:
        raise InputError(
            f"The projection head has {kept} layers before its last, which is never kept. "
            f"Use --head-layers {kept} or fewer, or train with more --head-layers."
        )
    if not model.modality.can_look():
        raise InputError("This model was trained with views by a callable, so fine-tuning cannot look at items as it.")
    return Way(recipe, min(tuning.head_layers, kept), tuning.frozen, tuning.epochs)


def _found(tuned: Tuned, labels: int) -> dict[str, Any]:
    return {
        "labels": labels,
        "classes": len(tuned.classifier.classes),
        "epochs": tuned.epochs,
        "held_out": tuned.held_out,
        "accuracy": tuned.accuracy,
        "temperature": round(tuned.classifier.temperature, 4),
    }


def _record(source: object, labels: object, tuning: Tuning, tuned: Tuned, count: int) -> dict[str, Any]:
    return {
        "source": said(source),
        "labels": said(labels),
        "command": command(),
        "asked": tuning.record(),
        "settled": tuning.record(),
        "tuned": _found(tuned, count),
    }
