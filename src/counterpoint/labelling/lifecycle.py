"""The verb ``semi``: fit on everything, fine-tune on few labels, distil on everything, report. Read ``semi``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint import runs
from counterpoint.classifiers.classifier import Classifier, load_classifier
from counterpoint.data.splits import UNLABELLED, is_labelled
from counterpoint.data.subset import Subset, spread
from counterpoint.errors import InputError, RunError
from counterpoint.evaluation.scores import score
from counterpoint.files import expanded, write_json
from counterpoint.fitting import fit
from counterpoint.labelling.answers import answered, least_certain
from counterpoint.labelling.budgets import Budget, Question, at_budgets, rows_of, tuned
from counterpoint.labelling.efficiency import tell
from counterpoint.labelling.finetuning import finetuned
from counterpoint.labelling.folders import Leaving, asked_for
from counterpoint.labelling.material import Material, gather
from counterpoint.labelling.teaching import taught
from counterpoint.locks import holds_out
from counterpoint.model import Model, load
from counterpoint.opening import apart, without_column
from counterpoint.options import AS_IT_IS, DataOptions
from counterpoint.plans import Distilling, Lifecycle, Tuning
from counterpoint.progress import announce_labels
from counterpoint.reports.page import write_report
from counterpoint.reports.reading import SEMI
from counterpoint.runs import FINETUNED, PRETRAINED

MINUTES = 8.0
"""Time for all of it where neither time nor epochs are given."""

CONTRAST, COMPARISON, DISTILLING = 0.38, 0.8, 0.93
"""Shares of the time after which each of these is over; scores and the report have the rest."""

SMALLER = 0.4
"""Of the time that a budget took: what a smaller one may take."""

CANDIDATES = 2000
"""Items without a label of their own among which the least certain are sought."""


@dataclass(frozen=True)
class Journey:
    """What every step needs to know."""

    folder: Path
    asked: Lifecycle
    record: Mapping[str, Any]
    material: Material
    began: float

    def left(self, share: float) -> float | None:
        """Seconds until this share of the time is over; None where time does not count."""
        if self.asked.epochs is not None:
            return None
        return max(1.0, self.began + 60 * share * (self.asked.minutes or MINUTES) - time.monotonic())


@holds_out
def semi(
    source: object,
    *,
    labels: object = None,
    out: str | Path,
    resume: bool = False,
    overwrite: bool = False,
    **choices: Any,
) -> Classifier:
    """From unlabelled data and a handful of labels to a small classifier, and by how much that is better.

    Into ``out/pretrained`` goes what contrast learned from all items, into ``out/finetuned`` the classifier that the
    labels made of it, and into ``out`` its student, which learned its answers on all items but those that are asked
    about, with scores and a report.

    Args:
        source: All items, as for ``fit``.
        labels: As for ``finetune``. With ``per_class`` or ``fraction`` a fifth of the labels is only asked about;
            without, the classifier learns from all of them.
        out: The folder for everything.
        resume: Go on with the interrupted run in ``out``: steps that are done are kept.
        overwrite: Replace the run in ``out``.
        choices: Any field of ``Lifecycle`` or of ``DataOptions``.

    Raises:
        InputError: The source, the labels, a choice or the folder cannot be used; nothing has been written.
        Interrupted: Ctrl-C or SIGTERM during the contrast; everything is saved.
    """
    began, folder = time.monotonic(), expanded(out)
    choices, data = apart(choices)
    asked = Lifecycle.of(choices)
    runs.check(folder, resume=False, overwrite=overwrite or resume)
    if resume and overwrite:
        raise InputError("Give --resume to go on or --overwrite to start anew, not both.")
    before = None
    if resume:
        before = runs.read_plan(folder)
        asked = Lifecycle.of(runs.merged(asked.record(), before["asked"], Lifecycle().record(), before["settled"]))
        data = DataOptions.of(before["data"]) if data == AS_IT_IS else data
    material = gather(source, labels, asked, data=data)
    data = without_column(data, labels, material.modality)
    record = {**asked_for(source, labels, asked), "verb": SEMI, "data": data.record(), "identity": material.identity()}
    journey = Journey(folder, asked, record, material, began)
    if before is not None and before.get("identity") != record["identity"]:
        raise RunError("The run was started on other items or other labels. Resume with those, or use --overwrite.")
    if before is None:
        for step in (PRETRAINED, FINETUNED):
            runs.check(folder / step, resume=False, overwrite=True)
        for done in (
            folder / PRETRAINED / runs.VERDICT,
            folder / PRETRAINED / runs.STATE,
            folder / FINETUNED / runs.TUNED,
        ):
            done.unlink(missing_ok=True)  # what an earlier run left there must not be taken for a step of this one
        runs.start(folder, record, material.items)
    announce_labels(material.read, left_out=False)
    model = _pretrained(journey, source, resume=resume)
    teacher = _finetuned(journey, model, resume=resume)
    compared = _compared(journey, model)
    student = _distilled(journey, teacher)
    _scored(journey, model, student, compared)
    _noted(journey, student)
    write_report(folder, student.model, material.items, asked=None if material.asked is None else material.asked.items)
    return student


def _pretrained(journey: Journey, source: object, *, resume: bool) -> Model:
    """What contrast learns from all items."""
    folder, asked, data = journey.folder / PRETRAINED, journey.asked, journey.record["data"]
    if resume and (folder / runs.VERDICT).exists():
        model = load(folder)
    elif resume and (folder / runs.STATE).exists():
        model = fit(source, out=folder, resume=True, **data)
    else:
        seconds = journey.left(CONTRAST)
        length: dict[str, Any] = {"epochs": asked.epochs} if seconds is None else {"minutes": seconds / 60}
        parts: dict[str, Any] = {name: getattr(asked, name) for name in ("encoder", "width", "batch_size", "seed")}
        model = fit(source, out=folder, overwrite=folder.exists(), **data, **parts, **length)
    return replace(model, modality=journey.material.modality)


def _finetuned(journey: Journey, model: Model, *, resume: bool) -> Classifier:
    """What the labels make of it."""
    folder, asked = journey.folder / FINETUNED, journey.asked
    if resume and (folder / runs.TUNED).exists():
        kept = load_classifier(folder)
        return replace(kept, model=replace(kept.model, modality=journey.material.modality))
    tuning = Tuning(per_class=asked.per_class, fraction=asked.fraction, seed=asked.seed)
    return finetuned(model, journey.material.learned, tuning, Leaving(folder, journey.record))


def _compared(journey: Journey, model: Model) -> dict[str, Any] | None:
    """What as many labels are worth to others, and what fewer would be."""
    material, asked = journey.material, journey.asked
    if material.asked is None:
        return None
    ways = ("scratch", "linear", "tuned")
    question = Question(model, material.known, material.asked, asked.draws, asked.seed, ways=ways)
    found = at_budgets(question, _affordable(journey), tell=tell)
    return {**found, "rows": sorted(found["rows"], key=lambda row: row["labels"])}


def _affordable(journey: Journey) -> Iterator[Budget]:
    """The budget that was asked for, then smaller ones, which take less, as long as the time allows."""
    for each in journey.material.budgets:
        began = time.monotonic()
        yield each
        left = journey.left(COMPARISON)
        if left is not None and left < SMALLER * (time.monotonic() - began):
            return


def _distilled(journey: Journey, teacher: Classifier) -> Classifier:
    """A student of the classifier, taught on all items but those that are asked about."""
    asked, material = journey.asked, journey.material
    begins = asked.student == "same" and asked.student_width is None
    known = material.learned
    nobody = replace(known, labels=np.full_like(known.labels, UNLABELLED))
    lesson = Distilling(
        encoder=asked.student,
        start=str(journey.folder / PRETRAINED) if begins else None,
        width=asked.student_width,
        epochs=asked.epochs,
        batch_size=asked.batch_size,
        seed=asked.seed,
    )
    return taught(teacher, nobody, lesson, journey.left(DISTILLING), Leaving(journey.folder, journey.record))


def _scored(journey: Journey, model: Model, student: Classifier, compared: dict[str, Any] | None) -> None:
    """Write what is known of how good the student is."""
    material, seed = journey.material, journey.asked.seed
    scores: dict[str, Any] = {}
    if material.asked is not None and compared is not None:
        size = material.budgets[0]
        known = material.known.of(rows_of(material.known, size, seed=seed))
        if known.labels.ndim == 1:
            scores |= score(model, known, material.asked, seed=seed)
        asked_of = student if material.spared else tuned(model, known, seed)
        scores["classifier"] = answered(asked_of, material.asked, known, seed=seed)
        scores["rehearsal"] = not material.spared
        scores["sizes"] = {
            "train": len(known.items),
            "test": len(material.asked.items),
            "classes": len(known.classes),
        }
        if material.spared:
            single = {name: scores["classifier"][name] for name in ("value", "low", "high")}
            compared["student"] = {**single, "labels": len(known.items)}
        write_json(journey.folder / runs.BUDGET, compared)
    train = {"train": journey.record["source"], runs.path_of("train"): journey.record[runs.path_of("source")]}
    write_json(journey.folder / runs.EVALUATION, {**scores, **train, "test": None, "seed": seed})


def _noted(journey: Journey, student: Classifier) -> None:
    """Note the classes, and which items would be worth labelling next: those that nobody has named, or the budget
    left out.
    """
    learned = journey.material.learned
    nameless = learned.of(np.flatnonzero(~is_labelled(learned.labels)))
    others = nameless if len(nameless.items) else learned.without(set(student.learned))
    path = journey.folder / runs.TUNED
    noted = {**json.loads(path.read_text(encoding="utf-8")), "classes": journey.material.everything.counts()}
    if len(others.items):
        some = Subset(others.items, spread(len(others.items), CANDIDATES))
        noted["least_certain"] = least_certain(student, some)
    write_json(path, noted)
