"""The verb ``finetune``: from a model and some labels to a classifier."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from counterpoint.classification.classifier import Classifier
from counterpoint.classification.cross_validation import Fold, folds
from counterpoint.classification.finetuning import FinetuneSettings, affordable_epochs, learn, probe
from counterpoint.classification.selection import (
    FINETUNED,
    PROBE,
    Baseline,
    Candidate,
    baselines,
    candidate,
    choose,
    conclusion,
    judgement,
    require_deliverable,
)
from counterpoint.data.labels import Labels, read_some_labels
from counterpoint.data.splits import budget
from counterpoint.errors import InputError, counted
from counterpoint.evaluation.labelled import Labelled
from counterpoint.heads import shape_of_head
from counterpoint.model import Model, load
from counterpoint.plans import FinetunePlan, choices_in
from counterpoint.runs.locks import holds_out
from counterpoint.setup.classifier_folder import Leaving, free, leave, requested_record
from counterpoint.setup.finetune_config import recipe, require_views
from counterpoint.setup.progress import announce_labels, console
from counterpoint.setup.supervision import unseen
from counterpoint.setup.train_test import open_grouped
from counterpoint.verbs.verb import verb

GENTLE = 0.25
"""Share of the optimiser's default learning rate: a pretrained encoder is trained more gently."""

PASSES = 10
"""Passes over the labels, for a pretrained network."""

SURER = 0.1
"""Penalty of the probe that initialises the last layer, where the encoder is to change little or not at all."""


class Trial(NamedTuple):
    """The result of fine-tuning: the candidates, the chosen one, and the baselines."""

    some: Labelled
    parts: list[Fold]
    candidates: list[Candidate]
    chosen: Candidate
    against: dict[str, Baseline]
    epochs: int
    """Passes of fine-tuning; 0 where there was no time for it."""
    seconds: float
    """The seconds of one fine-tuning."""


@verb(FinetunePlan)
@holds_out
def finetune(
    model: Model | str | Path,
    source: object,
    *,
    labels: object = None,
    groups: object = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    per_class: int | None = None,
    fraction: float | None = None,
    head_layers: int = 1,
    frozen: bool = False,
    epochs: int | None = None,
    minutes: float | None = None,
    deliver: str = "best",
    batch_size: int = 64,
    optimizer: str = "adamw",
    learning_rate: float | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Classifier:
    """Train a classifier on labelled items, starting from a model.

    Args:
        model: A model or a run folder; it is left as it is.
        source: The items, as for ``fit``; unlabelled ones are not used.
        labels: As for ``evaluate``, or a ``.csv`` file with the columns name and label. An item is unlabelled where it
            is empty, not named, or -1 in an array of integers. None for the labels that the source contains.
        groups: Groups of items that no fold separates, as for ``evaluate``.
        out: The folder for the classifier, which is a model as well and can embed.
        overwrite: Replace the run in ``out``.
        per_class: Labels per class to learn from; None for all.
        fraction: Share of every class's labels to learn from.
        head_layers: Layers of the projection head that are kept: 0 as SimCLR, 1 as SimCLRv2.
        frozen: Freeze the encoder and train only the layers on top of it.
        epochs: Passes over the labelled items; None to fit their number.
        minutes: Time for all of it; None for as long as the passes take.
        deliver: The classifier to keep: best by cross-validation, probe or finetuned.
        batch_size: Labelled items in one step.
        optimizer: Optimiser: counterpoint list optimizers.
        learning_rate: For a batch of 256; None for a quarter of the optimiser's own, or what a network of hf: wants.
        seed: Random seed: of the labels that are drawn, and of the run.
        quiet: Print nothing.

    Returns:
        The better one, by cross-validation, of the fine-tuned encoder and a linear probe of the unchanged encoder; or
        the one that ``deliver`` names.

    Raises:
        InputError: The labels, a choice or the folder cannot be used; the message says what to do.
    """
    began = time.monotonic()
    tuning = FinetunePlan.of(choices_in(locals(), FinetunePlan))
    require_deliverable(tuning.deliver, (PROBE, FINETUNED))
    folder = free(out, model, overwrite=overwrite)
    kept = model if isinstance(model, Model) else load(model)
    require_views(kept)
    unseen(labels, kept.modality)
    items = open_grouped(kept, source, groups)
    read = read_some_labels(labels, source, items)
    seconds = None if tuning.minutes is None else 60 * tuning.minutes - (time.monotonic() - began)
    labelled = Labelled.read(items, read)
    tried = trial(kept, labelled, tuning, seconds, read=read)
    leave_trial(tried, labelled, Leaving(folder, requested_record(source, labels, tuning)))
    return tried.chosen.classifier


def leave_trial(tried: Trial, labelled: Labelled, leaving: Leaving, *, role: str = "is handed over") -> None:
    """Write the chosen classifier to its folder, and print its scores and where it is."""
    record = judgement(tried.chosen, tried.candidates, tried.some, tried.against)
    level, sentence = conclusion(record, role)
    result = {
        "labels": len(tried.some.items),
        "classes": labelled.counts(),
        "epochs": tried.epochs,
        "temperature": round(tried.chosen.classifier.temperature, 4),
        "judgement": {**record, "level": level},
    }
    leave(leaving, tried.chosen.classifier, labelled.items, result, sentence, level=level)


def trial(
    model: Model, labelled: Labelled, tuning: FinetunePlan, seconds: float | None = None, *, read: Labels | None = None
) -> Trial:
    """Train a probe and a fine-tuned encoder on the labels, and score both on the same cross-validation folds.

    The class of unlabelled items is -1; ``read`` are the labels to announce before training.
    """
    drawn = budget(
        labelled.labels, labelled.classes, per_class=tuning.per_class, fraction=tuning.fraction, seed=tuning.seed
    )
    some = labelled.of(np.flatnonzero(drawn))
    parts = folds(some.labels, len(some.classes), seed=tuning.seed, groups=some.groups)
    settled = finetune_settings(model, tuning)
    if read is not None:
        announce_labels(read)
    epochs = 0 if tuning.deliver == PROBE else _epochs(model, some, settled, seconds, times=len(parts) + 1)

    h = model.represent(some.items)

    def probed(rows: Int64[np.ndarray, " n"]) -> Classifier:
        of = some.of(rows)
        return probe(model, of.items, of.labels, of.classes, settled, h=h[rows])

    def moved(rows: Int64[np.ndarray, " n"]) -> Classifier:
        of = some.of(rows)
        return learn(model, of.items, of.labels, of.classes, settled, epochs, h=h[rows])

    candidates = [candidate(PROBE, probed, some, parts)]
    began = time.monotonic()
    if epochs:
        candidates.append(candidate(FINETUNED, moved, some, parts))
    seconds = (time.monotonic() - began) / (len(parts) + 1)
    wanted = [each for each in candidates if tuning.deliver in ("best", each.name)]
    chosen = choose(wanted or candidates, some.labels, labelled.items, groups=some.groups)
    against = baselines(parts, some, model.modality)
    return Trial(some, parts, candidates, chosen, against, epochs, seconds)


def _epochs(model: Model, some: Labelled, settled: FinetuneSettings, seconds: float | None, *, times: int) -> int:
    """Passes of fine-tuning, which are announced."""
    epochs = usual = settled.passes(len(some.items))
    if seconds is not None:
        epochs = affordable_epochs(model, some.items, some.labels, some.classes, settled, seconds=seconds, times=times)
    less = "" if epochs == usual else f" ({usual} are usual: there is no more time)"
    console().print(
        f"tuning    {counted(len(some.items), 'label')}, {times} times {counted(epochs, 'epoch')}{less}", markup=False
    )
    return epochs


def finetune_settings(model: Model, tuning: FinetunePlan, *, gentle: float = GENTLE) -> FinetuneSettings:
    """The settings to fine-tune this model; ``gentle`` is the share of the optimiser's default learning rate."""
    kept = 0 if model.head is None else shape_of_head(model.head)["layers"] - 1
    if tuning.head_layers > kept and tuning.head_layers != FinetunePlan().head_layers:
        raise InputError(
            f"The projection head has {kept} layers before its last, which is never kept. "
            f"Use --head-layers={kept} or fewer, or train with more --head-layers."
        )
    layers, small = min(tuning.head_layers, kept), model.recipe().get("learning_rate")
    still = tuning.frozen and layers == 0  # only the last layer is trained, so nothing pretrained can be spoilt
    moved = recipe(tuning, tuning.batch_size, gentle=1.0 if still else gentle, wanted=None if still else small)
    epochs = tuning.epochs or (PASSES if small else None)
    return FinetuneSettings(moved, layers, tuning.frozen, epochs, penalty=SURER if still or small else 1.0)
