"""The verb ``finetune``: from a model and some labels to a classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.classifiers.classifier import Classifier
from counterpoint.classifiers.tuning import Tuned, Way, tune
from counterpoint.data.labels import Labels, read_some_labels
from counterpoint.data.splits import budget
from counterpoint.errors import InputError
from counterpoint.evaluation.labelled import Labelled
from counterpoint.fitting import unseen
from counterpoint.heads import shape_of_head
from counterpoint.labelling.folders import Leaving, asked_for, free, leave
from counterpoint.labelling.recipes import recipe, require_views
from counterpoint.locks import holds_out
from counterpoint.model import Model, load
from counterpoint.plans import Tuning
from counterpoint.progress import announce_labels

GENTLE = 0.25
"""Of the optimiser's own learning rate: an encoder that has learned already is moved with less force."""

PASSES = 10
"""Over the labels, of a network that had learned before."""

SURER = 0.1
"""Penalty of the probe that the last layer begins at, where the encoder is to move little or not at all."""


@holds_out
def finetune(
    model: Model | str | Path,
    source: object,
    *,
    labels: object = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    **choices: Any,
) -> Classifier:
    """Learn a classifier from some labelled items, beginning at what the model knows.

    Args:
        model: A model or a run folder; it is left as it is.
        source: The items, as for ``fit``; those without a label are not learned from.
        labels: As for ``evaluate``, or a ``.csv`` file with the columns name and label. An item has none where it is
            empty, unnamed, or -1 in an array of integers. None for the labels that the source carries.
        out: The folder for the classifier, which is a model as well: it can be embedded with.
        overwrite: Replace the run in ``out``.
        choices: Any field of ``Tuning``.

    Raises:
        InputError: The labels, a choice or the folder cannot be used; the message says what to do.
    """
    tuning = Tuning.of(choices)
    folder = free(out, model, overwrite=overwrite)
    kept = model if isinstance(model, Model) else load(model)
    require_views(kept)
    unseen(labels, kept.modality)
    items = kept.open(source)
    read = read_some_labels(labels, source, items)
    leaving = Leaving(folder, asked_for(source, labels, tuning))
    return finetuned(kept, Labelled.read(items, read), tuning, leaving, read)


def finetuned(
    model: Model, known: Labelled, tuning: Tuning, leaving: Leaving, read: Labels | None = None
) -> Classifier:
    """The same from opened items; the class of those without a label is -1. ``read`` is what to say of the labels."""
    drawn = budget(known.labels, known.classes, per_class=tuning.per_class, fraction=tuning.fraction, seed=tuning.seed)
    rows = np.flatnonzero(drawn)
    some = known.of(rows)
    settled = way(model, tuning)
    if read is not None:
        announce_labels(read)
    tuned = tune(model, some.items, some.labels, known.classes, settled)
    found = _found(tuned, known, len(rows))
    leave(leaving, tuned.classifier, known.items, found, sentence(found))
    return tuned.classifier


def way(model: Model, tuning: Tuning, *, gentle: float = GENTLE) -> Way:
    """How to fine-tune this model; ``gentle`` is its share of the optimiser's own learning rate."""
    kept = 0 if model.head is None else shape_of_head(model.head)["layers"] - 1
    if tuning.head_layers > kept and tuning.head_layers != Tuning().head_layers:
        raise InputError(
            f"The projection head has {kept} layers before its last, which is never kept. "
            f"Use --head-layers {kept} or fewer, or train with more --head-layers."
        )
    layers, small = min(tuning.head_layers, kept), model.recipe().get("learning_rate")
    still = tuning.frozen and layers == 0  # then only the last layer learns, and nothing that it could spoil
    moved = recipe(tuning, tuning.batch_size, gentle=1.0 if still else gentle, wanted=None if still else small)
    epochs = tuning.epochs or (PASSES if small else None)
    return Way(moved, layers, tuning.frozen, epochs, penalty=SURER if still or small else 1.0)


def sentence(found: dict[str, Any]) -> str:
    """What was learned from, and what is known of how well.

    >>> sentence({"labels": 20, "classes": {"a": 12, "b": 8}, "epochs": 9, "held_out": 4, "accuracy": 0.75})
    '20 labels of 2 classes, 9 epochs: 75% of 4 held-out labels right before they were learned from too.'
    """
    learned = f"{found['labels']:,} labels of {len(found['classes'])} classes, {found['epochs']} epochs"
    if found["accuracy"] is None:
        return f"{learned}: no label could be held out, so nothing is known of how well it does."
    asked = f"{found['accuracy']:.0%} of {found['held_out']:,} held-out labels right"
    return f"{learned}: {asked} before they were learned from too."


def _found(tuned: Tuned, known: Labelled, labels: int) -> dict[str, Any]:
    return {
        "labels": labels,
        "classes": known.counts(),
        "epochs": tuned.epochs,
        "held_out": tuned.held_out,
        "accuracy": tuned.accuracy,
        "temperature": round(tuned.classifier.temperature, 4),
    }
