"""The settings of a distillation: training, by a number of steps or by time."""

from __future__ import annotations

import dataclasses
import time
from typing import NamedTuple

from counterpoint.interfaces import Items, Method
from counterpoint.modality import Modality
from counterpoint.training.config import TrainConfig, steps_per_epoch
from counterpoint.training.throughput import measure, planned_steps


class Lesson(NamedTuple):
    """The settings of a distillation."""

    config: TrainConfig
    seconds: float | None
    """Time for the training, instead of a number of steps."""
    temperature: float
    neighbours: int
    """Neighbours whose predictions are averaged with an item's; 0 for a teacher that sees every view instead."""
    labels: float
    """Weight of true labels relative to the teacher's predictions, from 0 to 1."""


def timed(lesson: Lesson, method: Method, items: Items, modality: Modality) -> TrainConfig:
    """The settings, with as many steps as fit into the time, where one is given."""
    if lesson.seconds is None:
        return lesson.config
    began = time.monotonic()
    pace = measure(method, items, modality, lesson.config)
    per_epoch = steps_per_epoch(len(items), lesson.config.batch_size)
    left = lesson.seconds - (time.monotonic() - began)
    steps = planned_steps(seconds=left, per_step=pace.seconds, per_epoch=per_epoch)
    return dataclasses.replace(lesson.config, steps=steps)
