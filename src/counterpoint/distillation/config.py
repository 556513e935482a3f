"""How a teacher teaches: the training it gives, by a number of steps or by time."""

from __future__ import annotations

import dataclasses
import time
from typing import NamedTuple

from counterpoint.interfaces import Items, Method
from counterpoint.modality import Modality
from counterpoint.training.config import TrainConfig, steps_per_epoch
from counterpoint.training.throughput import measure, planned_steps


class Lesson(NamedTuple):
    """How to distil."""

    config: TrainConfig
    seconds: float | None
    """Time for the training, in place of the recipe's steps."""
    temperature: float
    neighbours: int
    """Items that share their answers with an item; 0 to ask the teacher about every view instead."""
    labels: float
    """Weight of true labels beside the teacher's answers, from 0 to 1."""


def timed(lesson: Lesson, method: Method, items: Items, modality: Modality) -> TrainConfig:
    """The recipe, with as many steps as fit into the time, where one is given."""
    if lesson.seconds is None:
        return lesson.config
    began = time.monotonic()
    pace = measure(method, items, modality, lesson.config)
    per_epoch = steps_per_epoch(len(items), lesson.config.batch_size)
    left = lesson.seconds - (time.monotonic() - began)
    steps = planned_steps(seconds=left, per_step=pace.seconds, per_epoch=per_epoch)
    return dataclasses.replace(lesson.config, steps=steps)
