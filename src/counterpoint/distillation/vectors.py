"""Imitate: from a model to another, often smaller one that takes the same items for alike. Read ``imitate``."""

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
"""Items whose neighbours are compared."""

NEIGHBOURS = 10


def imitate(
    teacher: Model, student: Model, items: Items, lesson: Lesson, *, once: bool = False, tell: Tell | None = None
) -> Model:
    """The student, taught on all items. Its encoder is trained in place; the teacher stays as it is.

    Where it is to be asked ``once``, it says what it makes of every item before the student begins; ``tell`` is told
    how far that is.
    """
    targets = torch.from_numpy(teacher.represent(items, tell=tell)) if once else None
    master = None if once else copy.deepcopy(teacher.encoder)
    method = Imitation(student.encoder, master, targets=targets, temperature=lesson.temperature)
    with torch.random.fork_rng():
        train(method, items, student.modality, timed(lesson, method, items, student.modality), RunOptions())
    settle_statistics(student.encoder, items, student.modality)
    return Model(student.encoder.cpu().eval(), student.modality, student.built)


def shared_neighbours(teacher: Model, student: Model, items: Items) -> float:
    """Of the 10 nearest neighbours of an item among at most 2,000, the share that both models agree on."""
    some = Subset(items, spread(len(items), ASKED))
    places = np.arange(len(some))
    first, second = (
        nearest(each.directions(some), places, min(NEIGHBOURS, len(some) - 1))[0].numpy() for each in (teacher, student)
    )
    same = (first[:, :, None] == second[:, None, :]).any(axis=2)
    return float(same.mean())
