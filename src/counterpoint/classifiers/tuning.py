"""Fine-tune: from an encoder and few labels to a classifier. Read ``tune`` from top to bottom.

A part of the labels is held out to choose how long to learn and to fit the temperature; then all labels are learned
from for that long. Where no label can be spared, one per class, it learns for as long as is usual and trusts its
probabilities as they are.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from counterpoint.classifiers.beginning import Standard, begin
from counterpoint.classifiers.calibration import fitting_temperature, loss_at
from counterpoint.classifiers.classifier import Classifier, stand
from counterpoint.data.splits import Codes, hold_out
from counterpoint.data.subset import Subset
from counterpoint.heads import first_layers, shape_of_head
from counterpoint.interfaces import Items, Method
from counterpoint.methods.supervised import Supervised
from counterpoint.model import Model
from counterpoint.naming import named
from counterpoint.training.loop import Keeping, train
from counterpoint.training.recipe import Recipe

HELD_OUT = 0.2
"""Share of the labels of every class that chooses and calibrates."""

STEPS = 400
"""Steps that a few hundred labels are learned for, at most."""

LOOKS = 20
"""How often the held-out part is asked."""


class Way(NamedTuple):
    """How to fine-tune, settled."""

    recipe: Recipe
    """Its steps are not read: they follow from the number of labels and ``epochs``."""
    head_layers: int
    frozen: bool
    epochs: int | None
    penalty: float | None = 1.0
    """Of the weights of the linear probe that the last layer begins at; None to begin anywhere."""


class Tuned(NamedTuple):
    """A classifier, and how it came about."""

    classifier: Classifier
    epochs: int
    held_out: int
    """Labels that chose ``epochs`` and the temperature."""
    accuracy: float | None
    """Of the classifier on those, before it learned from them too."""


def tune(model: Model, items: Items, codes: Codes, classes: Sequence[str], way: Way) -> Tuned:
    """Learn the classes of labelled items. The model given is left as it was."""
    kept, held = hold_out(codes, seed=way.recipe.seed, share=HELD_OUT)
    epochs = way.epochs or usual_epochs(len(codes), way.recipe.batch_size)
    temperature, accuracy = 1.0, None
    if held.any():
        asked, answers = Subset(items, np.flatnonzero(held)), codes[held]
        known = Subset(items, np.flatnonzero(kept))
        looks = _Looks(asked, answers, every=math.ceil(epochs / LOOKS), last=epochs - 1)
        learn(model, known, codes[kept], classes, way, epochs, looks.look)
        best = looks.best()
        epochs, temperature, accuracy = best.epoch + 1, best.temperature, best.accuracy
    classifier = learn(model, items, codes, classes, way, epochs)
    return Tuned(dataclasses.replace(classifier, temperature=temperature), epochs, int(held.sum()), accuracy)


def usual_epochs(labels: int, batch_size: int) -> int:
    """Passes over the labels: 400 steps, but no fewer than 10 passes and no more than 100.

    >>> usual_epochs(100, 64), usual_epochs(600, 64), usual_epochs(60_000, 64)
    (100, 44, 10)
    """
    return max(10, min(100, STEPS // max(1, labels // min(batch_size, labels))))


class _Look(NamedTuple):
    """What the held-out items said after an epoch."""

    epoch: int
    accuracy: float
    loss: float
    temperature: float


class _Looks:
    """Asks the held-out items while a classifier learns."""

    def __init__(self, items: Items, codes: Codes, *, every: int, last: int) -> None:
        self.items, self.codes, self.every, self.last = items, codes, every, last
        self.all: list[_Look] = []

    def look(self, classifier: Classifier, epoch: int) -> None:
        if epoch % self.every == self.every - 1 or epoch == self.last:
            scores = classifier.scores(self.items)
            temperature = fitting_temperature(scores, self.codes)
            likely = classifier.naming.probabilities(torch.from_numpy(scores)).numpy()
            accuracy = float(classifier.naming.right(classifier.naming.decided(likely), self.codes).mean())
            self.all.append(_Look(epoch, accuracy, loss_at(scores, self.codes, temperature), temperature))

    def best(self) -> _Look:
        """The last look, unless an earlier one was right more often by more than the standard error of so few items."""
        last = self.all[-1]
        best = max(self.all, key=lambda each: (each.accuracy, -each.loss))
        error = math.sqrt(max(last.accuracy * (1 - last.accuracy), 1 / len(self.codes)) / len(self.codes))
        return best if best.accuracy > last.accuracy + error else last


def learn(
    model: Model,
    items: Items,
    codes: Codes,
    classes: Sequence[str],
    way: Way,
    epochs: int,
    look: Callable[[Classifier, int], None] | None = None,
) -> Classifier:
    """A classifier that has learned from these items for so many epochs; ``look`` is told of each. The model stays."""
    encoder, head = copy.deepcopy(model.encoder), copy.deepcopy(model.head)
    layers = way.head_layers if head is not None else 0
    h = model.represent(items if way.penalty else Subset(items, np.arange(1)))
    length = h.shape[1]
    hidden = shape_of_head(head)["hidden"] if head is not None and layers else length
    built: dict[str, Any] = {"inputs": length, "hidden": hidden, "head_layers": layers, "classes": len(classes)}
    with torch.random.fork_rng():
        torch.manual_seed(way.recipe.seed)
        top = stand(**built)
    if head is not None and layers:
        top[0].load_state_dict(first_layers(head, layers).state_dict())
    if way.penalty:
        with torch.no_grad():
            if layers == 0:
                top[0] = Standard(torch.from_numpy(h))
            reached = top[0].eval()(torch.from_numpy(h)).numpy()
        begin(top[1], reached, codes, penalty=way.penalty)
    moved = Model(encoder, model.modality, model.built)
    classifier = Classifier(moved, top, built, classes, kind=named(codes), learned=items.names)

    def after(method: Method, epoch: int) -> dict[str, Any]:
        if look is not None:
            look(classifier, epoch)
        return {}

    batch = min(way.recipe.batch_size, len(items))
    steps = epochs * (len(items) // batch)
    recipe = dataclasses.replace(way.recipe, steps=steps, batch_size=batch)
    with torch.random.fork_rng():
        train(
            Supervised(encoder, top, torch.from_numpy(codes), classifier.naming, frozen=way.frozen),
            items,
            model.modality.careful(),
            recipe,
            Keeping(each_epoch=after),
        )
    encoder.cpu().eval()
    top.cpu().eval()
    if isinstance(below := top[0], Standard):
        below.fold_into(top[1])
        top[0] = nn.Sequential()
    return classifier
