"""Distil: from a classifier to another, often smaller one that gives the same answers. Read ``distil``."""

from __future__ import annotations

import copy

import numpy as np
import torch
from jaxtyping import Int64
from torch import nn

from counterpoint.classifiers.classifier import Classifier, stand
from counterpoint.classifiers.lessons import Lesson, timed
from counterpoint.data.splits import UNLABELLED
from counterpoint.data.subset import Subset, spread
from counterpoint.interfaces import Items
from counterpoint.methods.distillation import Distillation
from counterpoint.model import Model
from counterpoint.training.loop import Keeping, train

ASKED = 2000
"""Items on which teacher and student are compared."""


def distil(
    teacher: Classifier, student: Model, items: Items, codes: Int64[np.ndarray, " n"], lesson: Lesson
) -> Classifier:
    """The student, taught on all items; ``codes`` are the classes of those that have a label, -1 for the others.

    The student's encoder is trained in place; the teacher stays as it is.
    """
    length = student.represent(Subset(items, np.arange(1))).shape[1]
    built = {"inputs": length, "hidden": length, "head_layers": 0, "classes": len(teacher.classes)}
    with torch.random.fork_rng():
        torch.manual_seed(lesson.recipe.seed)
        top = stand(**built)
        method = Distillation(
            student.encoder,
            top,
            copy.deepcopy(nn.Sequential(teacher.model.encoder, teacher.top, Divide(teacher.temperature))),
            torch.from_numpy(codes),
            temperature=lesson.temperature,
            labels=lesson.labels,
        )
        train(method, items, student.modality, timed(lesson, method, items, student.modality), Keeping())
    return Classifier(
        Model(student.encoder.cpu().eval(), student.modality, student.built),
        top.cpu().eval(),
        built,
        list(teacher.classes),
        learned=sorted({*teacher.learned, *np.asarray(items.names)[codes != UNLABELLED].tolist()}),
    )


class Divide(nn.Module):
    """Scores by the temperature at which a classifier's probabilities are honest."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        return scores / self.temperature


def agreement(teacher: Classifier, student: Classifier, items: Items) -> float:
    """Share of at most 2,000 items, evenly spread, that both take for the same class."""
    some = Subset(items, spread(len(items), ASKED))
    first, second = (each.scores(some).argmax(axis=1) for each in (teacher, student))
    return float((first == second).mean())
