"""Distillation of a classifier into another, often smaller one with the same predictions. Read ``distil``."""

from __future__ import annotations

import copy
import dataclasses
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.classification.calibration import matching_temperature
from counterpoint.classification.classifier import Classifier, stand
from counterpoint.classification.initial_layer import folded, stand_on
from counterpoint.data.splits import ClassIds, is_labelled
from counterpoint.data.subset import Subset, spread
from counterpoint.distillation.config import Lesson, timed
from counterpoint.distillation.neighbour_smoothing import share_of_neighbours, spread_answers
from counterpoint.interfaces import Items
from counterpoint.methods.distillation import Distillation
from counterpoint.model import Model
from counterpoint.training.batch_norm import settle_statistics
from counterpoint.training.loop import RunOptions, train

ASKED = 2000
"""The number of items on which teacher and student are compared."""

PROBED = 5000
"""The number of items whose predictions initialise the student."""


def distil(teacher: Classifier, student: Model, items: Items, class_ids: ClassIds, lesson: Lesson) -> Classifier:
    """The student, trained on all items; ``class_ids`` are the classes of labelled items, -1 for the others.

    Its last layer is initialised by a linear probe of the teacher's predictions. The student's encoder is trained in
    place; the teacher is unchanged.
    """
    began = time.monotonic()
    answers = _answers(teacher, items, lesson.neighbours)
    with torch.random.fork_rng():
        torch.manual_seed(lesson.config.seed)
        top, built = _beginning(student, items, teacher, answers, class_ids if lesson.labels > 0.5 else None)
        method = Distillation(
            student.encoder,
            top,
            answers,
            torch.from_numpy(class_ids),
            teacher.label_type,
            temperature=lesson.temperature,
            labels=lesson.labels,
        )
        if lesson.seconds is not None:
            lesson = lesson._replace(seconds=lesson.seconds - (time.monotonic() - began))
        train(method, items, student.modality, timed(lesson, method, items, student.modality), RunOptions())
    settle_statistics(student.encoder, items, student.modality)
    folded(top)
    trained = Classifier(
        Model(student.encoder.cpu().eval(), student.modality, student.built),
        top.cpu().eval(),
        built,
        list(teacher.classes),
        kind=teacher.kind,
        learned=sorted({*teacher.learned, *np.asarray(items.names)[is_labelled(class_ids)].tolist()}),
    )
    return as_sure(trained, teacher, items)


def _beginning(
    student: Model, items: Items, teacher: Classifier, answers: nn.Module | Tensor, class_ids: ClassIds | None
) -> tuple[nn.Sequential, dict[str, Any]]:
    """The student's layers, initialised by a probe of the teacher's predictions, or of the labels where those have more
    weight; and the arguments of ``stand`` to build them.
    """
    settle_statistics(student.encoder, items, student.modality)
    rows = spread(len(items), PROBED)
    some = Subset(items, rows)
    scores = torch.from_numpy(teacher.scores(some)) if isinstance(answers, nn.Module) else answers[rows]
    decided = teacher.label_type.decided(teacher.label_type.probabilities(scores).numpy())
    if class_ids is not None:
        train = is_labelled(class_ids[rows])
        decided[train] = class_ids[rows][train]
    h = student.represent(some)
    built = {"inputs": h.shape[1], "hidden": h.shape[1], "head_layers": 0, "classes": len(teacher.classes)}
    top = stand(**built)
    stand_on(top, h, decided, penalty=1.0)
    return top, built


def as_sure(student: Classifier, teacher: Classifier, items: Items) -> Classifier:
    """The student at the temperature at which it is as confident as its teacher: averaged predictions are less so."""
    some = Subset(items, spread(len(items), ASKED))
    sureness = float(teacher.label_type.sure(teacher.probabilities(some)).mean())
    temperature = matching_temperature(student.scores(some), sureness, student.label_type)
    return dataclasses.replace(student, temperature=temperature)


def _answers(teacher: Classifier, items: Items, neighbours: int) -> nn.Module | Tensor:
    """The teacher as a network that sees every view, or its smoothed predictions."""
    if neighbours == 0:
        return copy.deepcopy(nn.Sequential(teacher.model.encoder, teacher.top, Divide(teacher.temperature)))
    share = share_of_neighbours(len(teacher.learned), len(teacher.classes))
    h = teacher.model.represent(items)
    vectors = functional.normalize(torch.from_numpy(h), dim=1).numpy()
    likely = spread_answers(teacher.likely(h), vectors, neighbours=neighbours, share=share)
    return teacher.label_type.scores(torch.from_numpy(likely))


class Divide(nn.Module):
    """Scores at the temperature at which a classifier is calibrated."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        return scores / self.temperature


def agreement(teacher: Classifier, student: Classifier, items: Items) -> float:
    """Share of at most 2,000 items, evenly spread, for which both predict the same class."""
    some = Subset(items, spread(len(items), ASKED))
    first, second = (each.label_type.decided(each.probabilities(some)) for each in (teacher, student))
    return float((first == second).reshape(len(first), -1).all(axis=1).mean())
