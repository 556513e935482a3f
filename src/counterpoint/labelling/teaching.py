"""The verb ``distill``: another network that answers as a classifier does."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from counterpoint.classifiers.classifier import Classifier, load_classifier
from counterpoint.classifiers.distilling import Lesson, agreement, distil
from counterpoint.data.labels import read_some_labels
from counterpoint.data.splits import UNLABELLED
from counterpoint.errors import InputError, listed
from counterpoint.labelling.recipes import asked_for, free, leave, recipe, require_views
from counterpoint.model import Model
from counterpoint.plans import Distilling
from counterpoint.settle import USUAL_BATCH, fitting_epochs
from counterpoint.training.loop import steps_per_epoch


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
    folder = free(out, teacher, overwrite=overwrite)
    master = teacher if isinstance(teacher, Classifier) else load_classifier(teacher)
    require_views(master.model)
    items = master.model.modality.open(source)
    codes = np.full(len(items), UNLABELLED, dtype=np.int64)
    if labels is not None:
        codes, classes = read_some_labels(labels, source, items)
        if classes != list(master.classes):
            raise InputError(
                f"The teacher tells {listed(master.classes)} apart, and the labels are of {listed(classes)}. "
                "Give labels of the same classes, or none."
            )
    seconds = None if asked.minutes is None else 60 * asked.minutes - (time.monotonic() - began)
    student = distil(master, fresh(master.model, asked), items, codes, lesson(asked, len(items), seconds))
    sizes = [sum(p.numel() for p in each.model.encoder.parameters()) for each in (master, student)]
    taught = {"items": len(items), "agreement": agreement(master, student, items), "parameters": sizes}
    conclusion = (
        f"{len(items):,} items: the student, {sizes[1]:,} parameters, answers as its teacher, {sizes[0]:,}, "
        f"for {taught['agreement']:.1%} of them."
    )
    leave(folder, student, items, {**asked_for(source, labels, asked), "taught": taught}, taught, conclusion)
    return student


def lesson(asked: Distilling, items: int, seconds: float | None = None) -> Lesson:
    """How to distil on so many items."""
    batch = min(asked.batch_size or USUAL_BATCH, items)
    steps = (asked.epochs or 2 * fitting_epochs(items)) * steps_per_epoch(items, batch)
    moved = dataclasses.replace(recipe(asked, batch), steps=steps)
    return Lesson(moved, seconds, asked.temperature, asked.label_weight)


def fresh(teacher: Model, asked: Distilling) -> Model:
    """An encoder that knows nothing yet, for the data that the teacher sees."""
    name, width = asked.encoder, asked.width
    if name == "same":
        name, width = str(teacher.built.get("encoder") or ""), width or teacher.built.get("width")
    if not name:
        raise InputError("The teacher has an encoder of your own, which cannot be built again. Name the student's.")
    with torch.random.fork_rng():
        torch.manual_seed(asked.seed)
        encoder = teacher.modality.encoder(name, width)
    return Model(encoder, teacher.modality, {"encoder": name, "width": width, "seed": asked.seed})
