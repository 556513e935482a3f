"""Distillation of a model into another, often smaller one with the same similarities. Read ``imitate``."""

from __future__ import annotations

import copy

import numpy as np
import torch

from counterpoint.data.subset import Subset, spread
from counterpoint.distillation.config import Lesson, timed
from counterpoint.distillation.neighbour_smoothing import nearest
from counterpoint.interfaces import Items
from counterpoint.methods.imitation import Imitation
from counterpoint.model import Model, Tell
from counterpoint.training.batch_norm import settle_statistics
from counterpoint.training.loop import RunOptions, train

ASKED = 2000
"""The number of items whose neighbours are compared."""

NEIGHBOURS = 10


def imitate(
    teacher: Model, student: Model, items: Items, lesson: Lesson, *, once: bool = False, tell: Tell | None = None
) -> Model:
    """The student, trained on all items. Its encoder is trained in place; the teacher is unchanged.

    With ``once``, the teacher encodes every item before the training of the student; ``tell`` receives the progress
    of that.
    """
    targets = torch.from_numpy(teacher.represent(items, tell=tell)) if once else None
    master = None if once else copy.deepcopy(teacher.encoder)
    method = Imitation(student.encoder, master, targets=targets, temperature=lesson.temperature)
    with torch.random.fork_rng():
        train(method, items, student.modality, timed(lesson, method, items, student.modality), RunOptions())
    settle_statistics(student.encoder, items, student.modality)
    return Model(student.encoder.cpu().eval(), student.modality, student.built)


def shared_neighbours(teacher: Model, student: Model, items: Items) -> float:
    """The overlap of the 10 nearest neighbours of an item among at most 2,000, between both models."""
    some = Subset(items, spread(len(items), ASKED))
    places = np.arange(len(some))
    first, second = (
        nearest(each.directions(some), places, min(NEIGHBOURS, len(some) - 1))[0].numpy() for each in (teacher, student)
    )
    same = (first[:, :, None] == second[:, None, :]).any(axis=2)
    return float(same.mean())
