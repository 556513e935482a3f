"""The steps of ``semi``: pretraining, fine-tuning, distillation, the comparison of budgets, the scores."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.classification.classifier import Classifier
from counterpoint.classification.cross_validation import answered_in
from counterpoint.classification.selection import (
    FINETUNED,
    PROBE,
    STUDENT,
    Candidate,
    choose,
    conclusion,
    judgement,
)
from counterpoint.classification.test_results import answered, least_certain
from counterpoint.data.splits import is_labelled
from counterpoint.data.subset import Subset, spread
from counterpoint.distillation.answers import agreement
from counterpoint.evaluation.scores import score
from counterpoint.model import Model, load
from counterpoint.plans import DistillPlan, FinetunePlan, SemiPlan
from counterpoint.reports.page import write_report
from counterpoint.runs import run_folder
from counterpoint.setup.classifier_folder import Leaving, leave
from counterpoint.setup.label_budget import Budget
from counterpoint.setup.labelled_data import Material
from counterpoint.setup.progress import console
from counterpoint.storage.files import write_json
from counterpoint.verbs.distill import parameters
from counterpoint.verbs.finetune import Trial, leave_trial, trial
from counterpoint.verbs.fit import fit
from counterpoint.verbs.label_budgets import LONGER, BudgetStudy, at_budgets, student_of
from counterpoint.verbs.label_efficiency import tell

MINUTES = 8.0
"""Minutes in total where neither time nor epochs are given."""

PASSED_ON = ("modality", "encoder", "width", "batch_size", "seed")
"""The choices that are those of the pretraining, too."""

CONTRAST, TUNING, DISTILLING, COMPARISON = 0.5, 0.65, 0.85, 0.95
"""Shares of the time after which each step is over; the rest is for scores and the report."""

SMALLER = 0.4
"""Share of a budget's time that a smaller budget may take."""

DRAWS = 3
"""Draws of labels for the comparison, where there is time and no number is given."""

CANDIDATES = 2000
"""Unlabelled items among which the least certain are searched."""


@dataclass(frozen=True)
class Journey:
    """The inputs of every step."""

    folder: Path
    plan: SemiPlan
    record: Mapping[str, Any]
    material: Material
    began: float

    def left(self, share: float) -> float | None:
        """Seconds until this share of the time is over; None without a time budget."""
        if self.plan.epochs is not None:
            return None
        return max(1.0, self.began + 60 * share * (self.plan.minutes or MINUTES) - time.monotonic())


def led(journey: Journey, source: object, *, resume: bool) -> Classifier:
    """Run all steps; finished ones are kept where the run is resumed."""
    material = journey.material
    model = _pretrained(journey, source, resume=resume)
    tried = _tuned(journey, model)
    delivered = _delivered(journey, model, tried)
    compared = _compared(journey, model, tried)
    _scored(journey, model, delivered, tried, compared)
    _noted(journey, delivered.classifier)
    test_items = None if material.test is None else material.test.items
    write_report(journey.folder, delivered.classifier.model, material.items, test=test_items)
    return delivered.classifier


def _pretrained(journey: Journey, source: object, *, resume: bool) -> Model:
    """Pretrain on all items."""
    folder, plan, data = journey.folder / run_folder.PRETRAINED, journey.plan, journey.record["data"]
    if resume and (folder / run_folder.VERDICT).exists():
        model = load(folder)
    elif resume and (folder / run_folder.STATE).exists():
        model = fit(source, out=folder, resume=True, encoder=plan.encoder, **data)
    else:
        seconds = journey.left(CONTRAST)
        length: dict[str, Any] = {"epochs": plan.epochs} if seconds is None else {"minutes": seconds / 60}
        parts: dict[str, Any] = {name: getattr(plan, name) for name in PASSED_ON}
        model = fit(source, out=folder, overwrite=folder.exists(), **data, **parts, **length)
    return replace(model, modality=journey.material.modality)


def _tuned(journey: Journey, model: Model) -> Trial:
    """Train a probe and a fine-tuned encoder on the labels, and keep the better one."""
    plan, material = journey.plan, journey.material
    deliver = plan.deliver if plan.deliver in (PROBE, FINETUNED) else "best"
    tuning = FinetunePlan(per_class=plan.per_class, fraction=plan.fraction, seed=plan.seed, deliver=deliver)
    tried = trial(model, material.learned, tuning, journey.left(TUNING))
    leave_trial(tried, material.learned, Leaving(journey.folder / run_folder.FINETUNED, journey.record), role="teaches")
    return tried


def _delivered(journey: Journey, model: Model, tried: Trial) -> Candidate:
    """Distil a student of it, evaluate it by cross-validation, and choose between the two."""
    plan, material = journey.plan, journey.material
    candidates, chosen = list(tried.candidates), tried.chosen
    if plan.deliver in ("best", STUDENT):
        student = _student(journey, model, tried)
        candidates.append(student)
        small = plan.student != "same" or plan.student_width is not None  # a user who names a network wants it
        finalists = [student] if small or plan.deliver == STUDENT else [tried.chosen, student]
        chosen = choose(finalists, tried.some.labels, material.items, groups=tried.some.groups)
    record = judgement(chosen, candidates, tried.some, tried.against)
    level, sentence = conclusion(record)
    result = {
        "items": len(material.items),
        "labels": len(tried.some.items),
        "judgement": {**record, "level": level},
        "parameters": [parameters(each.classifier.model) for each in (tried.chosen, candidates[-1])],
        "agreement": agreement(tried.chosen.classifier, chosen.classifier, material.items),
    }
    leave(Leaving(journey.folder, journey.record), chosen.classifier, material.items, result, sentence, level=level)
    return chosen


def _student(journey: Journey, model: Model, tried: Trial) -> Candidate:
    """A student of the classifier, trained on all items except the held-out ones; and predictions for folds by
    students trained without those labels.
    """
    plan, material = journey.plan, journey.material
    lesson = DistillPlan(
        encoder=plan.student,
        width=plan.student_width,
        epochs=plan.epochs,
        batch_size=plan.batch_size,
        seed=plan.seed,
    )
    answered, learned = tried.chosen.answered, material.learned
    teachers = () if answered is None else answered.by
    parts = tried.parts[: len(teachers)]
    until = journey.left(DISTILLING)
    seconds = None if until is None else until / (len(parts) + 1)
    console().print(f"student   {len(learned.items):,} items, {len(parts) + 1} times", markup=False)

    def rehearsed(number: int) -> Classifier:
        held = {tried.some.items.names[row] for row in parts[number].held}
        return student_of(teachers[number], model, learned.without(held), lesson, seconds)

    rehearsals = answered_in(parts, tried.some, rehearsed)
    return Candidate(STUDENT, student_of(tried.chosen.classifier, model, learned, lesson, seconds), rehearsals)


def _compared(journey: Journey, model: Model, tried: Trial) -> dict[str, Any] | None:
    """The accuracy of other uses of the same labels, and of fewer, as far as there is time. Without a time budget it
    compares only on request.
    """
    material, plan, left = journey.material, journey.plan, journey.left(COMPARISON)
    draws = plan.draws if plan.draws is not None else DRAWS if left is not None else 0
    needed = draws * (1 + LONGER) * tried.seconds
    if material.test is None or draws == 0 or (left is not None and needed > left):
        return None
    uses = ("scratch", "linear", "tuned")
    study = BudgetStudy(model, material.train, material.test, draws, plan.seed, uses=uses)
    result = at_budgets(study, _affordable(journey), tell=tell)
    return {**result, "rows": sorted(result["rows"], key=lambda row: row["labels"])}


def _affordable(journey: Journey) -> Iterator[Budget]:
    """The requested budget, then smaller ones, which take less, as long as time allows."""
    for each in journey.material.budgets:
        began = time.monotonic()
        yield each
        left = journey.left(COMPARISON)
        if left is not None and left < SMALLER * (time.monotonic() - began):
            return


def _scored(
    journey: Journey, model: Model, delivered: Candidate, tried: Trial, compared: dict[str, Any] | None
) -> None:
    """Write scores: by labels that were never learned from, where there are such, else by cross-validation."""
    material, seed, some = journey.material, journey.plan.seed, tried.some
    scores: dict[str, Any] = {}
    if material.spared and material.test is not None:
        if some.labels.ndim == 1:
            scores |= score(model, some, material.test, seed=seed)
        scores["classifier"] = answered(delivered.classifier, material.test, some, seed=seed)
        scores["sizes"] = {"train": len(some.items), "test": len(material.test.items), "classes": len(some.classes)}
        if compared is not None:
            single = {name: scores["classifier"][name] for name in ("value", "low", "high")}
            compared["student"] = {**single, "labels": len(some.items)}
    elif delivered.answered is not None:
        test_items = some.of(delivered.answered.rows)
        likely = delivered.classifier.scaled(delivered.answered.scores)
        scores["classifier"] = answered(delivered.classifier, test_items, some, seed=seed, likely=likely)
        scores["sizes"] = {"train": len(some.items), "test": len(test_items.items), "classes": len(some.classes)}
    scores["rehearsal"] = not material.spared
    if compared is not None:
        write_json(journey.folder / run_folder.BUDGET, compared)
    train = run_folder.sealed("train", journey.record["source"], journey.record["source_path"])
    write_json(journey.folder / run_folder.EVALUATION, {**scores, **train, "test": None, "seed": seed})


def _noted(journey: Journey, student: Classifier) -> None:
    """Record the classes, and which items to label next: the least certain of those without a label, or of
    those outside the budget.
    """
    learned = journey.material.learned
    nameless = learned.of(np.flatnonzero(~is_labelled(learned.labels)))
    others = nameless if len(nameless.items) else learned.without(set(student.learned))
    path = journey.folder / run_folder.TUNED
    noted = {**json.loads(path.read_text(encoding="utf-8")), "classes": journey.material.everything.counts()}
    if len(others.items):
        some = Subset(others.items, spread(len(others.items), CANDIDATES))
        noted["least_certain"] = least_certain(student, some)
    write_json(path, noted)
