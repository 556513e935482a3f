"""The verb ``distill``: a student network with the predictions of a classifier, or the similarities of a model."""

from __future__ import annotations

import copy
import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from counterpoint.classification.classifier import RECORD, Classifier, load_classifier
from counterpoint.data.labels import read_some_labels
from counterpoint.data.splits import UNLABELLED, is_labelled
from counterpoint.distillation.answers import agreement, distil
from counterpoint.distillation.config import Lesson
from counterpoint.distillation.vectors import imitate, shared_neighbours
from counterpoint.errors import InputError, listed
from counterpoint.evaluation.labelled import Labelled
from counterpoint.interfaces import Items
from counterpoint.label_types import named
from counterpoint.model import Model, load
from counterpoint.plans import DistillPlan, choices_in
from counterpoint.runs.locks import holds_out
from counterpoint.setup.classifier_folder import Leaving, free, leave, requested_record
from counterpoint.setup.defaults import USUAL_BATCH, fitting_epochs
from counterpoint.setup.finetune_config import recipe, require_views
from counterpoint.setup.label_history import LEARNED, saw_any
from counterpoint.setup.progress import announce_labels, embedding
from counterpoint.storage.files import expanded
from counterpoint.training.config import steps_per_epoch
from counterpoint.verbs.verb import verb

ANSWERS, VECTORS = "answers", "vectors"


@verb(DistillPlan)
@holds_out
def distill(
    model: Classifier | Model | str | Path,
    source: object,
    *,
    labels: object = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    encoder: str = "same",
    width: int | None = None,
    match: str = "auto",
    temperature: float | None = None,
    neighbours: int = 10,
    teacher_sees: str = "auto",
    start: str | None = None,
    label_weight: float = 0.0,
    epochs: int | None = None,
    minutes: float | None = None,
    batch_size: int | None = None,
    optimizer: str = "adamw",
    learning_rate: float | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Classifier | Model:
    """Train another, often smaller network to replace a teacher, on items that need no labels.

    The student of a classifier is a classifier with the same predictions; that of a model is a model with the same
    similarities between items.

    Args:
        model: The teacher: a classifier, a model or the folder of one; it is left as it is.
        source: The training items, as for ``fit``: all there are.
        labels: As for ``finetune``; they count with ``label_weight``.
        out: The folder for the student.
        overwrite: Replace the run in ``out``.
        encoder: The student's network; same for the teacher's: counterpoint list encoders.
        width: Width of the student's first stage; None for the encoder's own.
        match: What to match of the teacher: answers, vectors, or auto for answers if it has any.
        temperature: Softmax temperature; above 1 unlikely classes count more. None for 1, and for 0.1 with vectors.
        neighbours: Nearest neighbours whose answers are averaged with an item's while labels are few; 0 for none.
        teacher_sees: Input of a teacher of vectors: views, as for the student, or items without augmentation, encoded
            once; auto for items where the teacher is a network of hf:.
        start: A run of the student's network to start from; None for new weights.
        label_weight: Weight of true labels relative to the teacher's answers.
        epochs: Passes over the items; None to fit their number.
        minutes: Time for the training; plans the epochs.
        batch_size: Items in one step; None for 256, fewer for small data.
        optimizer: Optimiser: counterpoint list optimizers.
        learning_rate: For a batch of 256; None for the optimiser's own.
        seed: Random seed of the run.
        quiet: Print nothing.

    Raises:
        InputError: The source, a choice or the folder cannot be used; the message says what to do.
    """
    began = time.monotonic()
    requested = DistillPlan.of(choices_in(locals(), DistillPlan))
    if (labels is not None) != (requested.label_weight > 0):
        raise InputError("True labels and their weight go together: give labels and label_weight, or neither.")
    folder = free(out, model, overwrite=overwrite)
    master = _master(model, requested.match)
    teacher = master.model if isinstance(master, Classifier) else master
    require_views(teacher)
    items = teacher.open(source)
    seen = saw_any(model, *([] if requested.start is None else [requested.start]))
    leaving = Leaving(folder, {**requested_record(source, labels, requested), LEARNED: seen})
    read = None if labels is None else read_some_labels(labels, source, items)
    labelled = None if read is None else Labelled.read(items, read)
    seconds = None if requested.minutes is None else 60 * requested.minutes - (time.monotonic() - began)
    if isinstance(master, Classifier):
        fitting = _fitting(labelled, master, items)
        if read is not None:
            announce_labels(read, left_out=False, held_out=False)
        return distilled(master, fitting, requested, seconds, leaving)
    if labelled is not None:
        raise InputError("A teacher of vectors needs no labels. Leave them out, or give a classifier as the teacher.")
    return imitated(master, items, requested, seconds, leaving)


def distilled(
    master: Classifier, labelled: Labelled, requested: DistillPlan, seconds: float | None, leaving: Leaving
) -> Classifier:
    """The student of a classifier, from opened items; the class of unlabelled items is -1."""
    items = labelled.items
    plan = lesson(requested, len(items), seconds, begun=requested.start is not None)
    student = distil(master, fresh(master.model, requested), items, labelled.labels, plan)
    result = {
        "items": len(items),
        "agreement": agreement(master, student, items),
        "parameters": [parameters(master.model), parameters(student.model)],
    }
    if is_labelled(labelled.labels).any():
        result["classes"] = labelled.counts()
    leave(
        leaving,
        student,
        items,
        result,
        f"{_sizes(result)} answers as its teacher for {result['agreement']:.1%} of them.",
    )
    return student


def imitated(master: Model, items: Items, requested: DistillPlan, seconds: float | None, leaving: Leaving) -> Model:
    """The student of a model, from opened items."""
    plan = lesson(requested, len(items), seconds, usual=0.1, begun=requested.start is not None)
    once = _once(master, requested.teacher_sees)
    student = imitate(master, fresh(master, requested), items, plan, once=once, tell=embedding("teacher"))
    result = {
        "items": len(items),
        "neighbours": shared_neighbours(master, student, items),
        "parameters": [parameters(master), parameters(student)],
    }
    leave(
        leaving,
        student,
        items,
        result,
        f"{_sizes(result)} shares {result['neighbours']:.1%} of near neighbours with it.",
    )
    return student


def _master(teacher: Classifier | Model | str | Path, match: str) -> Classifier | Model:
    """The teacher as what is matched: a classifier for its predictions, a model for its vectors."""
    if match not in ("auto", ANSWERS, VECTORS):
        raise InputError(f"A student can match {ANSWERS} or {VECTORS}, or auto. Got '{match}'.")
    if isinstance(teacher, Classifier):
        return teacher.model if match == VECTORS else teacher
    if isinstance(teacher, Model):
        if match == ANSWERS:
            raise InputError("A model gives no answers. Fine-tune it first, or let the student match its vectors.")
        return teacher
    answers = (expanded(teacher) / RECORD).exists() if match == "auto" else match == ANSWERS
    return load_classifier(teacher) if answers else load(teacher)


def _fitting(labelled: Labelled | None, master: Classifier, items: Items) -> Labelled:
    """The labels, where there are any, checked to have the teacher's classes."""
    if labelled is None:
        shape = (len(items),) if master.kind == "one" else (len(items), len(master.classes))
        return Labelled(items, np.full(shape, UNLABELLED, dtype=np.int64), master.classes)
    if list(labelled.classes) != list(master.classes) or named(labelled.labels) != master.kind:
        raise InputError(
            f"The teacher tells {listed(master.classes)} apart, and the labels are of {listed(labelled.classes)}. "
            "Give labels of the same classes, or none."
        )
    return labelled


def _once(master: Model, sees: str) -> bool:
    """Whether the teacher encodes every item once instead of every view."""
    if sees not in ("auto", "views", "items"):
        raise InputError(f"A teacher sees views or items, or auto. Got '{sees}'.")
    return bool(master.recipe()) if sees == "auto" else sees == "items"


def parameters(model: Model) -> int:
    """The number of parameters of the encoder."""
    return sum(each.numel() for each in model.encoder.parameters())


def _sizes(result: dict[str, Any]) -> str:
    teacher, student = result["parameters"]
    return f"{result['items']:,} items, teacher of {teacher:,} parameters: its student of {student:,}"


def lesson(
    requested: DistillPlan, items: int, seconds: float | None = None, *, usual: float = 1.0, begun: bool = False
) -> Lesson:
    """The distillation settings for this many items; ``usual`` is the default temperature. A student that starts from
    a trained network needs half as long.
    """
    batch = min(requested.batch_size or USUAL_BATCH, items)
    steps = (requested.epochs or (1 if begun else 2) * fitting_epochs(items)) * steps_per_epoch(items, batch)
    moved = dataclasses.replace(recipe(requested, batch), steps=steps)
    return Lesson(moved, seconds, requested.temperature or usual, requested.neighbours, requested.label_weight)


def fresh(teacher: Model, requested: DistillPlan) -> Model:
    """A model with a new encoder, for the data of the teacher."""
    name, width = requested.encoder, requested.width
    if name == "same":
        name, width = str(teacher.built.get("encoder") or ""), width or teacher.built.get("width")
    if not name:
        raise InputError("The teacher has an encoder of your own, which cannot be built again. Name the student's.")
    with torch.random.fork_rng():
        torch.manual_seed(requested.seed)
        encoder = teacher.modality.build_encoder(name, width)
    student = Model(encoder, teacher.modality, {"encoder": name, "width": width, "seed": requested.seed})
    return student if requested.start is None else begun(student, load(requested.start))


def begun(student: Model, start: Model) -> Model:
    """The student with the weights of another model with the same network."""
    there, here = (
        {name: tuple(tensor.shape) for name, tensor in each.encoder.state_dict().items()} for each in (start, student)
    )
    if there != here:
        names = [f"{each.built.get('encoder')}, width {each.built.get('width')}" for each in (student, start)]
        raise InputError(
            f"The student is {names[0]}, and the model to begin at is {names[1]}. "
            "Give one of the same network, or begin anew."
        )
    student.encoder.load_state_dict(copy.deepcopy(start.encoder.state_dict()))
    return student
