"""The verb ``evaluate``: what is known of a model, and of a classifier, on labelled items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from counterpoint import runs
from counterpoint.classifiers.classifier import RECORD, Classifier, load_classifier
from counterpoint.data.overlap import note_on_shared, shared
from counterpoint.data.splits import class_counts, is_labelled
from counterpoint.evaluation.scores import collisions, score
from counterpoint.files import expanded, write_json
from counterpoint.fitting import unseen
from counterpoint.labelling.answers import answered, unlearned
from counterpoint.labelling.history import LEARNED, saw_labels
from counterpoint.labelling.parting import parted
from counterpoint.locks import holds_run
from counterpoint.model import Model, load
from counterpoint.provenance import placed, said


@holds_run
def evaluate(
    model: Model | Classifier | str | Path,
    train: object,
    test: object = None,
    *,
    labels: object = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Score a model on labelled items: weighted kNN, linear probe, each beside its baselines; geometry; collisions.

    ``collisions`` says how many negatives are false: ``true`` by the labels of the test items, or of all where those
    were held out, and ``estimated`` without labels; None where that cannot be. ``learned_from_labels`` says whether
    the run has seen labels, None where nobody knows, as of a model in memory. ``shared`` says how many test items are
    equal to training items, whatever they are called; where there are some, a ``note`` says what that means.

    ``classes`` counts the labelled items of each class. An item without a label is left out.

    A classifier is also asked itself, and where the test items are training items never about those whose labels it
    has learned from, by their names; one that names several classes at once is only asked itself.

    Args:
        model: A model, a classifier or a run folder; into the folder the scores are also written, as
            ``evaluation.json``.
        train: The source whose labelled items are learned from.
        test: The source whose items are asked about. Without it a fifth of ``train`` is held out.
        labels: ``"folder"``, a column, an ``.npy`` file, an array, or a pair of those for train and test; None
            for the labels that the sources carry themselves.
        seed: Names the held-out items and the bootstrap draws.
    """
    classifier = _classifier(model)
    kept = _model(model) if classifier is None else classifier.model
    unseen(labels, kept.modality)
    several = classifier is not None and classifier.kind == "any"
    known, asked = parted(kept, train, test, labels, seed=seed, one_class=not several)
    # A fifth of every class has fewer pairs of one class than all of them: it is no random sample.
    told = asked.labels if test is not None else np.concatenate([known.labels, asked.labels])
    classes = class_counts(told if test is None else known.labels, known.classes)
    twice = 0 if test is None else shared(asked.items, known.items)
    note = note_on_shared(twice, len(asked.items)) if twice else None
    if classifier is not None and (test is None or twice == len(asked.items)):
        asked = unlearned(classifier, asked)
    scores: dict[str, Any] = {}
    if not several:
        scores = score(kept, known, asked, seed=seed)
        scores["collisions"] = collisions(kept, known.items, told, seed=seed)
    scores[LEARNED] = saw_labels(model)
    if classifier is not None:
        scores["classifier"] = answered(classifier, asked, known, seed=seed)
    scores["classes"] = classes
    learned = int(is_labelled(known.labels).sum())
    scores["sizes"] = {"train": learned, "test": len(asked.items), "classes": len(known.classes)}
    scores["shared"] = twice
    if note is not None:
        scores["note"] = note
    if isinstance(model, str | Path):
        given = {**placed("train", train), **placed("test", test), "labels": said(labels), "seed": seed}
        write_json(expanded(model) / runs.EVALUATION, {**scores, **given})
    return scores


def _classifier(model: object) -> Classifier | None:
    """The classifier that was given, or that lies in the folder; None where there is only a model."""
    if isinstance(model, str | Path) and (expanded(model) / RECORD).exists():
        return load_classifier(model)
    return model if isinstance(model, Classifier) else None


def _model(model: Model | Classifier | str | Path) -> Model:
    if isinstance(model, Classifier):
        return model.model
    return model if isinstance(model, Model) else load(model)
