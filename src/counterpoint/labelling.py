"""The verbs about few labels: from a model and some labels to a classifier, and from that to a label for every item."""

from __future__ import annotations

import csv
import dataclasses
import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from counterpoint import catalogue, runs
from counterpoint.classifiers.classifier import Classifier, Prediction, load_classifier
from counterpoint.classifiers.distilling import Lesson, agreement, distil
from counterpoint.classifiers.tuning import Tuned, Way, tune
from counterpoint.data.labels import read_some_labels
from counterpoint.data.splits import UNLABELLED, budget
from counterpoint.data.subset import Subset
from counterpoint.errors import InputError, listed
from counterpoint.files import write_json, write_text
from counterpoint.fitting import command, said, unseen
from counterpoint.heads import shape_of_head
from counterpoint.interfaces import Items
from counterpoint.model import Model, load
from counterpoint.plans import Choices, Distilling, Tuning
from counterpoint.progress import console
from counterpoint.settle import USUAL_BATCH, fitting_epochs
from counterpoint.training.devices import choose_device, choose_precision, keep_freed_memory
from counterpoint.training.loop import Recipe, steps_per_epoch
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
    folder = _free(out, model, overwrite=overwrite)
    kept = model if isinstance(model, Model) else load(model)
    _require_views(kept)
    unseen(labels, kept.modality)
    items = kept.modality.open(source)
    codes, classes = read_some_labels(labels, source, items)
    rows = np.flatnonzero(
        budget(codes, classes, per_class=tuning.per_class, fraction=tuning.fraction, seed=tuning.seed)
    )
    tuned = tune(kept, Subset(items, rows), codes[rows], classes, _way(kept, tuning))
    found = _found(tuned, len(rows))
    _leave(folder, tuned.classifier, items, {**_asked(source, labels, tuning), "tuned": found}, found, sentence(found))
    return tuned.classifier


def distill(
    teacher: Classifier | str | Path,
    source: object,
    *,
    labels: object = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    **choices: Any,
) -> Classifier:
    """Teach another network, often a smaller one, to answer as a classifier does, on items that need no labels.

    Args:
        teacher: A classifier or its folder; it is left as it is.
        source: The items to teach with, as for ``fit``: all there are.
        labels: As for ``finetune``; they count with ``label_weight``.
        out: The folder for the student, which is a classifier and a model as well.
        overwrite: Replace the run in ``out``.
        choices: Any field of ``Distilling``.

    Raises:
        InputError: The source, a choice or the folder cannot be used; the message says what to do.
    """
    began = time.monotonic()
    asked = Distilling.of(choices)
    if (labels is not None) != (asked.label_weight > 0):
        raise InputError("True labels and their weight go together: give labels and label_weight, or neither.")
    folder = _free(out, teacher, overwrite=overwrite)
    master = teacher if isinstance(teacher, Classifier) else load_classifier(teacher)
    _require_views(master.model)
    items = master.model.modality.open(source)
    codes = np.full(len(items), UNLABELLED, dtype=np.int64)
    if labels is not None:
        codes, classes = read_some_labels(labels, source, items)
        if classes != list(master.classes):
            raise InputError(
                f"The teacher tells {listed(master.classes)} apart, and the labels are of {listed(classes)}. "
                "Give labels of the same classes, or none."
            )
    batch = min(asked.batch_size or USUAL_BATCH, len(items))
    steps = (asked.epochs or 2 * fitting_epochs(len(items))) * steps_per_epoch(len(items), batch)
    lesson = Lesson(
        dataclasses.replace(_recipe(asked, batch), steps=steps),
        None if asked.minutes is None else 60 * asked.minutes - (time.monotonic() - began),
        asked.temperature,
        asked.label_weight,
    )
    student = distil(master, _student(master, asked), items, codes, lesson)
    sizes = [sum(p.numel() for p in each.model.encoder.parameters()) for each in (master, student)]
    taught = {"items": len(items), "agreement": agreement(master, student, items), "parameters": sizes}
    conclusion = (
        f"{len(items):,} items: the student, {sizes[1]:,} parameters, answers as its teacher, {sizes[0]:,}, "
        f"for {taught['agreement']:.1%} of them."
    )
    _leave(folder, student, items, {**_asked(source, labels, asked), "taught": taught}, taught, conclusion)
    return student


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
    recipe = _recipe(tuning, tuning.batch_size, gentle=GENTLE)
    kept = 0 if model.head is None else shape_of_head(model.head)["layers"] - 1
    if tuning.head_layers > kept and tuning.head_layers != Tuning().head_layers:
        raise InputError(
            f"The projection head has {kept} layers before its last, which is never kept. "
            f"Use --head-layers {kept} or fewer, or train with more --head-layers."
        )
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


def _free(out: str | Path | None, begun: object, *, overwrite: bool) -> Path | None:
    """The folder to write to, once it is plain that it may be written to."""
    if out is None:
        return None
    folder = Path(out)
    runs.check(folder, resume=False, overwrite=overwrite)
    if isinstance(begun, str | Path) and folder.resolve() == Path(begun).resolve():
        raise InputError(f"'{folder}' holds the model to begin with. Choose another --out.")
    return folder


def _leave(
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
        write_json(folder / runs.TUNED, found)
        write_text(folder / "README.md", runs.README + f"- {conclusion}\n")
    console().print(conclusion, markup=False)


def _require_views(model: Model) -> None:
    if not model.modality.can_look():
        raise InputError("This model was trained with views by a callable, which is not saved: give a model in memory.")


def _student(teacher: Classifier, asked: Distilling) -> Model:
    """An encoder that knows nothing yet, for the data that the teacher sees."""
    name, width = asked.encoder, asked.width
    if name == "same":
        name, width = str(teacher.model.built.get("encoder") or ""), width or teacher.model.built.get("width")
    if not name:
        raise InputError("The teacher has an encoder of your own, which cannot be built again. Name the student's.")
    with torch.random.fork_rng():
        torch.manual_seed(asked.seed)
        encoder = teacher.model.modality.encoder(name, width)
    return Model(encoder, teacher.model.modality, {"encoder": name, "width": width, "seed": asked.seed})


def _recipe(asked: Tuning | Distilling, batch_size: int, *, gentle: float = 1.0) -> Recipe:
    """How to move the weights, for a number of steps that is yet to be said."""
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


def _asked(source: object, labels: object, choices: Choices) -> dict[str, Any]:
    given = {"source": said(source), "labels": said(labels), "command": command()}
    return {**given, "asked": choices.record(), "settled": choices.record()}
