"""Fine-tuning: from an encoder and few labels to a classifier. Read ``learn`` from top to bottom.

``probe`` is the linear probe that fine-tuning starts from, unchanged.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float32
from torch import nn

from counterpoint.classification.classifier import Classifier, stand
from counterpoint.classification.initial_layer import folded, stand_on
from counterpoint.data.splits import ClassIds
from counterpoint.data.subset import Subset
from counterpoint.heads import first_layers, shape_of_head
from counterpoint.interfaces import Items
from counterpoint.label_types import LABEL_TYPES, named
from counterpoint.methods.supervised import Supervised
from counterpoint.modality import label_preserving
from counterpoint.model import Model
from counterpoint.training.batch_norm import settle_statistics
from counterpoint.training.config import TrainConfig
from counterpoint.training.loop import train
from counterpoint.training.throughput import measure

STEPS = 400
"""The most steps for a few hundred labels."""

FEWEST = 5
"""Fewer passes over the labels are not worth starting."""


class FinetuneSettings(NamedTuple):
    """The resolved settings of fine-tuning."""

    config: TrainConfig
    """Its number of steps is ignored: it follows from the number of labels and ``epochs``."""
    head_layers: int
    frozen: bool
    epochs: int | None
    """None to fit the number of labels."""
    penalty: float | None = 1.0
    """Penalty of the linear probe that initialises the last layer; None for a random initialisation."""

    def passes(self, labels: int) -> int:
        """Passes over this many labels, without a time budget."""
        return self.epochs or usual_epochs(labels, self.config.batch_size)


def usual_epochs(labels: int, batch_size: int) -> int:
    """Passes over the labels: 400 steps, but no fewer than 10 passes and no more than 100.

    >>> usual_epochs(100, 64), usual_epochs(600, 64), usual_epochs(60_000, 64)
    (100, 44, 10)
    """
    return max(10, min(100, STEPS // max(1, labels // min(batch_size, labels))))


def affordable_epochs(
    model: Model,
    items: Items,
    class_ids: ClassIds,
    classes: Sequence[str],
    settings: FinetuneSettings,
    *,
    seconds: float,
    times: int,
) -> int:
    """Passes over these labels that fit ``times`` into this many seconds, at most the usual number; 0 where there would
    be too few.
    """
    began = time.monotonic()
    top, _ = _begun(model, items, class_ids, classes, settings)
    pace = measure(
        _method(model, top, class_ids, settings),
        items,
        label_preserving(model.modality),
        _config(settings, items, 1),
        budget=0.05 * seconds,
    )
    left = seconds - (time.monotonic() - began)
    possible = int(left / (times * pace.seconds * _steps(settings, items)))
    usual = settings.passes(len(items))
    return min(usual, possible) if possible >= min(usual, FEWEST) else 0


def learn(
    model: Model,
    items: Items,
    class_ids: ClassIds,
    classes: Sequence[str],
    settings: FinetuneSettings,
    epochs: int,
    *,
    h: Float32[np.ndarray, "n d"] | None = None,
) -> Classifier:
    """A classifier trained on these labelled items for this many epochs. The model is unchanged.

    ``h`` are the encoder's outputs for the items, if they are computed already.
    """
    top, built = _begun(model, items, class_ids, classes, settings, h=h)
    method = _method(model, top, class_ids, settings)
    with torch.random.fork_rng():
        train(method, items, label_preserving(model.modality), _config(settings, items, epochs))
    if settings.penalty is None:
        settle_statistics(method.encoder, items, model.modality)
    folded(top)
    moved = Model(method.encoder.cpu().eval(), model.modality, model.built)
    return Classifier(moved, top.cpu().eval(), built, classes, kind=named(class_ids), learned=items.names)


def probe(
    model: Model,
    items: Items,
    class_ids: ClassIds,
    classes: Sequence[str],
    settings: FinetuneSettings,
    *,
    h: Float32[np.ndarray, "n d"] | None = None,
) -> Classifier:
    """A linear layer on the encoder's outputs for these labelled items; nothing else is trained."""
    top, built = _begun(model, items, class_ids, classes, settings._replace(head_layers=0), h=h)
    folded(top)
    kept = Model(model.encoder, model.modality, model.built)
    return Classifier(kept, top.eval(), built, classes, kind=named(class_ids), learned=items.names)


def _begun(
    model: Model,
    items: Items,
    class_ids: ClassIds,
    classes: Sequence[str],
    settings: FinetuneSettings,
    *,
    h: Float32[np.ndarray, "n d"] | None = None,
) -> tuple[nn.Sequential, dict[str, Any]]:
    """The initial layers on the encoder, and the arguments of ``stand`` to build them."""
    head = model.head
    layers = settings.head_layers if head is not None else 0
    h = model.represent(items if settings.penalty else Subset(items, np.arange(1))) if h is None else h
    hidden = shape_of_head(head)["hidden"] if head is not None and layers else h.shape[1]
    built: dict[str, Any] = {"inputs": h.shape[1], "hidden": hidden, "head_layers": layers, "classes": len(classes)}
    with torch.random.fork_rng():
        torch.manual_seed(settings.config.seed)
        top = stand(**built)
    if head is not None and layers:
        top[0].load_state_dict(first_layers(head, layers).state_dict())
    if settings.penalty:
        stand_on(top, h, class_ids, penalty=settings.penalty, standard=layers == 0)
    return top, built


def _method(model: Model, top: nn.Sequential, class_ids: ClassIds, settings: FinetuneSettings) -> Supervised:
    """A copy of the encoder, and its layers; with random weights there are no statistics to keep yet."""
    encoder, label_type = copy.deepcopy(model.encoder), LABEL_TYPES[named(class_ids)]
    settled = settings.penalty is not None
    return Supervised(encoder, top, torch.from_numpy(class_ids), label_type, frozen=settings.frozen, settled=settled)


def _steps(settings: FinetuneSettings, items: Items) -> int:
    """Steps of a pass."""
    return len(items) // min(settings.config.batch_size, len(items))


def _config(settings: FinetuneSettings, items: Items, epochs: int) -> TrainConfig:
    batch = min(settings.config.batch_size, len(items))
    return dataclasses.replace(settings.config, steps=epochs * _steps(settings, items), batch_size=batch)
