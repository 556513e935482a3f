"""The verb ``evaluate``: scores of a model, a classifier, a network or vectors on labelled items."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from counterpoint.catalogue.trust import remember
from counterpoint.classification.classifier import RECORD, Classifier, load_classifier
from counterpoint.classification.test_results import answered, unlearned
from counterpoint.data.overlap import note_on_shared, note_on_shared_groups, shared
from counterpoint.data.splits import class_counts, is_labelled
from counterpoint.data.vectors import is_vectors
from counterpoint.errors import InputError
from counterpoint.evaluation.labelled import groups_between
from counterpoint.evaluation.probe import table
from counterpoint.evaluation.scores import collisions, score
from counterpoint.evaluation.verdict import headline
from counterpoint.modality import DataOptions
from counterpoint.model import Model, model_of
from counterpoint.output.results import Result
from counterpoint.reports.run_contents import read_run
from counterpoint.runs import run_folder
from counterpoint.runs.locks import holds_run
from counterpoint.runs.provenance import described, placed
from counterpoint.setup.build import encoded_length
from counterpoint.setup.dataset import open_source, stated_preprocessing
from counterpoint.setup.label_history import LEARNED, saw_labels
from counterpoint.setup.supervision import unseen
from counterpoint.setup.train_test import parted
from counterpoint.storage.files import expanded, write_json
from counterpoint.verbs.evaluate_vectors import evaluate_vectors
from counterpoint.verbs.verb import verb


@verb()
@holds_run
def evaluate(
    model: Model | Classifier | nn.Module | Callable[[Any], Any] | Any,
    train: object = None,
    test: object = None,
    *,
    labels: object = None,
    source: object = None,
    groups: object = None,
    modality: str = "auto",
    seed: int = 0,
    quiet: bool = False,
) -> Result:
    """Score a model, a network or vectors on labelled items: kNN, linear probe, baselines, geometry, collisions.

    ``collisions`` is the share of false negatives: ``true`` by the labels of the test items, or of all where those
    were held out, and ``estimated`` without labels; None where unknown. ``learned_from_labels`` says whether the run
    used labels, None where unknown, as for a model in memory. ``shared`` is the number of test items that are
    equal to training items, whatever their names; if there are any, a ``note`` explains the consequence.

    ``headline`` says whether the model is useful, in a ``sentence``, and what to do next where that is not shown.

    ``classes`` counts the labelled items of each class. Unlabelled items are left out.

    A classifier's own predictions are scored as well, except on items whose labels it has learned from, by name, if
    test items are training items; for a multi-label classifier only its predictions are scored.

    Vectors take the place of a model, ``evaluate(vectors, labels)``; their test is vectors as well, and labels
    are then a pair. A network is an ``nn.Module``, which receives a model encoder's inputs, or any callable from
    the source to vectors, such as the ``encode`` of another library.

    Args:
        model: A model, a classifier or a run folder; into the folder the scores are also written, as
            ``evaluation.json``. A network. Or vectors (n, d): an array, a tensor, ``Embeddings``, an .npz or .npy file.
        train: The source of the training items; for vectors, their labels.
        test: The source of the test items. Without it a fifth of ``train`` is held out.
        labels: ``"folder"``, a column, an ``.npy`` file, an array, or a pair of those for train and test; None
            for the labels that the sources contain.
        source: For vectors, the data they were made from, in the same order, for raw features as a baseline.
        groups: Groups of items that no split separates, such as patients: a column, ``"folder"`` for the folder below
            that of the class, an ``.npy`` file, a ``.csv`` file with the columns name and group, or a list with one
            entry per item; or a pair of those for train and test. As in training when left out. Then intervals are over
            groups; ``groups`` is the number of those of test items, ``shared_groups`` that of those also in training.
        modality: Modality of the run, or of the data that a network is scored on; auto to recognise it. One from
            outside that is named here is trusted: ``package.module:Name``.
        seed: Seed of the held-out items.
        quiet: Print nothing.
    """
    if is_vectors(model):
        labels = train if labels is None else labels
        result = evaluate_vectors(model, test, labels=labels, source=source, groups=groups, seed=seed)
        return Result(result, table)
    if source is not None:
        raise InputError("source is about vectors: what they were made of. Give vectors first, or leave it out.")
    if train is None:
        raise InputError("A model is scored on items: give a source, evaluate(model, train).")
    if not isinstance(model, Model | Classifier | str | Path):
        return Result(_of_network(model, train, test, labels, groups=groups, modality=modality, seed=seed), table)
    remember(modality)
    network, classifier = _model_and_classifier(model)
    kept = model_of(network, modality)
    unseen(labels, kept.modality)
    several = classifier is not None and classifier.kind == "any"
    train_items, test_items = parted(kept, train, test, labels, seed=seed, groups=groups, one_class=not several)
    # A fifth of every class has a smaller share of same-class pairs than all items: it is not a random sample.
    class_values = test_items.labels if test is not None else np.concatenate([train_items.labels, test_items.labels])
    classes = class_counts(class_values if test is None else train_items.labels, train_items.classes)
    twice = 0 if test is None else shared(test_items.items, train_items.items)
    notes = [note_on_shared(twice, len(test_items.items))] if twice else []
    of_groups = groups_between(train_items.items, test_items, separate=test is not None)
    notes += [note_on_shared_groups(of_groups["shared_groups"])] if of_groups.get("shared_groups") else []
    if classifier is not None and (test is None or twice == len(test_items.items)):
        test_items = unlearned(classifier, test_items, train_items)
        of_groups |= groups_between(train_items.items, test_items, separate=test is not None)
    scores: dict[str, Any] = {}
    if not several:
        scores = score(kept, train_items, test_items, seed=seed)
        scores["collisions"] = collisions(kept, train_items.items, class_values, seed=seed)
    scores[LEARNED] = saw_labels(model)
    if classifier is not None:
        scores["classifier"] = answered(classifier, test_items, train_items, seed=seed)
    scores["classes"] = classes
    learned = int(is_labelled(train_items.labels).sum())
    scores["sizes"] = {"train": learned, "test": len(test_items.items), "classes": len(train_items.classes)}
    scores |= {"shared": twice, **of_groups}
    scores |= {"note": " ".join(notes)} if notes else {}
    if not isinstance(model, str | Path):
        return Result({**scores, "headline": headline(scores)}, table)
    run = read_run(expanded(model))
    scores["headline"] = headline(scores, run.records, run.verdicts)
    request = {**placed("train", train), **placed("test", test), "labels": described(labels), "seed": seed}
    write_json(expanded(model) / run_folder.EVALUATION, {**scores, **request})
    return Result(scores, table)


def _of_network(
    network: object, train: object, test: object, labels: object, *, groups: object, modality: str, seed: int
) -> dict[str, Any]:
    """The scores of a custom network, or of a callable's vectors of the sources."""
    if not callable(network):
        raise InputError(
            "Give a model, a run folder, vectors, a torch module or a callable from a source to vectors. "
            f"Got {type(network).__name__}."
        )
    if not isinstance(network, nn.Module):
        made = network(train), None if test is None else network(test)
        sources = train if test is None else (train, test)
        return evaluate_vectors(*made, labels=labels, source=sources, groups=groups, seed=seed)
    options = DataOptions(kind=modality, labels=labels, preprocessing=stated_preprocessing(network))
    opened = open_source(train, options)
    model = Model(network, opened.modality, {"adopted": True})
    modes = [(part, part.training) for part in network.modules()]  # submodules may differ, such as frozen norms
    try:
        encoded_length(network, opened.modality.inputs(opened.items.take(np.arange(min(2, len(opened.items))))))
        scores = evaluate(model, train, test, labels=labels, groups=groups, seed=seed)
    finally:
        for part, training in modes:
            part.training = training
    return scores if model.untrained().fingerprint() != model.fingerprint() else _without_untrained(scores)


def _without_untrained(scores: dict[str, Any]) -> dict[str, Any]:
    """The scores of a network whose weights cannot be reinitialised, so that there is no untrained baseline."""
    for kind in ("knn", "linear"):
        for part in ("baselines", "differences"):
            del scores[kind][part]["untrained"]
    scores["headline"] = headline(scores)
    notes = [scores["note"]] if "note" in scores else []
    notes.append("The weights of this network cannot be reinitialised, so there is no untrained baseline.")
    return {**scores, "note": " ".join(notes)}


def _model_and_classifier(model: Model | Classifier | str | Path) -> tuple[Model | str | Path, Classifier | None]:
    """The model, or its folder, and the classifier on it; None where there is only a model."""
    if isinstance(model, str | Path):
        if not (expanded(model) / RECORD).exists():
            return model, None
        model = load_classifier(model)
    return (model.model, model) if isinstance(model, Classifier) else (model, None)
