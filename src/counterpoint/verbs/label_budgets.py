"""Accuracy of every use of labels, at several budgets, over several draws of the labels. Read ``at_budgets``.

Every use is what its verb does: fine-tuning with its cross-validation, a linear probe, a student of the fine-tuned
classifier. Training from scratch gets the learning rate and the length that suit random weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int64, Shaped

from counterpoint.classification.classifier import Classifier
from counterpoint.classification.finetuning import learn, usual_epochs
from counterpoint.data.splits import UNLABELLED, budget
from counterpoint.distillation.answers import distil
from counterpoint.errors import LabelError
from counterpoint.evaluation.intervals import GroupIds
from counterpoint.evaluation.labelled import Labelled
from counterpoint.evaluation.linear import linear_probes
from counterpoint.evaluation.multiple_comparisons import familywise_level
from counterpoint.evaluation.repeats import difference_over_draws, pooled_difference, score_over_draws
from counterpoint.label_types import LABEL_TYPES, named
from counterpoint.model import Model
from counterpoint.plans import DistillPlan, FinetunePlan
from counterpoint.setup.label_budget import Budget
from counterpoint.verbs.distill import begun, fresh, lesson
from counterpoint.verbs.finetune import finetune_settings

USES = ("scratch", "linear", "tuned", "distilled")
"""The uses of labels. The first is the one that others are compared with."""

STEEPER, LONGER, MOST_STEPS = 2.0, 8, 3200
"""Training from scratch gains from a higher rate and more steps than fine-tuning: the best of a grid that was tried
for both."""

Correct = Shaped[np.ndarray, "draws m"]
"""How correct each prediction is, from 0 to 1."""


@dataclass(frozen=True)
class BudgetStudy:
    """The comparison: everything that the predictions depend on except the budget."""

    model: Model
    train: Labelled
    """All training items; the class of unlabelled ones is -1."""
    test: Labelled
    draws: int = 3
    seed: int = 0
    """Seed of the first draw; the others follow it."""
    uses: Sequence[str] = USES


def at_budgets(
    study: BudgetStudy,
    budgets: Iterable[Budget],
    *,
    tell: Callable[[Mapping[str, Any]], None] = lambda row: None,
) -> dict[str, Any]:
    """One row per budget, as JSON values; ``tell`` receives each as it is done.

    The intervals of all ``differences`` are simultaneous; ``comparisons`` is their number.
    """
    rows, left_out, cells = [], [], []
    for each in budgets:
        try:
            chosen = [rows_of(study.train, each, seed=study.seed + draw) for draw in range(study.draws)]
        except LabelError as lacking:
            left_out.append({"budget": str(each), "reason": str(lacking)})
            continue
        began = time.monotonic()
        cells.append({name: np.stack(result) for name, result in _correct(study, chosen).items()})
        rows.append({"budget": str(each), "labels": len(chosen[0]), "ways": scored(cells[-1], study.test.groups)})
        rows[-1]["seconds"] = round(time.monotonic() - began, 1)
        tell(rows[-1])
    if not rows:
        raise LabelError(f"None of the budgets can be drawn from the labels: {left_out[0]['reason']}")
    differences = compared(cells, study.test.groups)
    return {
        "rows": [{**row, "differences": each} for row, each in zip(rows, differences, strict=True)],
        "comparisons": sum(map(len, differences)),
        "left_out": left_out,
        "draws": study.draws,
        "seed": study.seed,
        "known": len(study.train.items),
        "asked": len(study.test.items),
        "classes": study.train.counts(),
    }


def scored(correct: Mapping[str, Correct], groups: GroupIds | None = None) -> dict[str, Any]:
    """Accuracy of every use, on average and for each draw."""
    return {
        name: {**score_over_draws(result, groups=groups)._asdict(), "draws": result.mean(axis=1).tolist()}
        for name, result in correct.items()
    }


def compared(rows: Sequence[Mapping[str, Correct]], groups: GroupIds | None = None) -> list[dict[str, Any]]:
    """For each budget, the gain of every use over the first on the same draws and items, corrected together."""
    differences = []
    for of_budget in rows:
        (_, first), *others = of_budget.items()
        differences.append({name: result - first * 1.0 for name, result in others})
    level = familywise_level([each.mean(axis=0) for row in differences for each in row.values()], groups=groups)
    luck = [pooled_difference(list(of_budget.values())) if len(of_budget) > 1 else None for of_budget in rows]
    return [
        {
            name: difference_over_draws(each, level=level, luck=variance, groups=groups)._asdict()
            for name, each in row.items()
        }
        for row, variance in zip(differences, luck, strict=True)
    ]


def rows_of(train: Labelled, size: Budget, *, seed: int) -> Int64[np.ndarray, " n"]:
    """The rows of the items in the budget."""
    return np.flatnonzero(
        budget(train.labels, train.classes, per_class=size.per_class, fraction=size.fraction, seed=seed)
    )


def _correct(study: BudgetStudy, chosen: Sequence[Int64[np.ndarray, " n"]]) -> dict[str, list[np.ndarray]]:
    """How correct every use is on the test items, one array (m,) per draw."""
    model, train, test = study.model, study.train, study.test
    label_type = LABEL_TYPES[named(test.labels)]
    learned = np.unique(np.concatenate(chosen))
    h, h_test = model.represent(train.of(learned).items), model.represent(test.items)
    correct: dict[str, list[np.ndarray]] = {name: [] for name in study.uses}
    for draw, rows in enumerate(chosen):
        seed = study.seed + draw
        some = train.of(rows)
        answers = {}
        if "scratch" in study.uses:
            answers["scratch"] = _answers(from_scratch(model, some, seed), test)
        if "linear" in study.uses:
            h_some = h[np.searchsorted(learned, rows)]
            answers["linear"] = linear_probes(h_some, some.labels, h_test, seed=seed, groups=some.groups)
        if {"tuned", "distilled"} & set(study.uses):
            teacher = tuned(model, some, seed)
            answers["tuned"] = _answers(teacher, test)
        if "distilled" in study.uses:
            answers["distilled"] = _answers(student_of(teacher, model, train, DistillPlan(seed=seed)), test)
        for name in study.uses:
            correct[name].append(label_type.right(answers[name], test.labels))
    return correct


def tuned(model: Model, some: Labelled, seed: int) -> Classifier:
    """The classifier from fine-tuning a model with these labels."""
    settled = finetune_settings(model, FinetunePlan(seed=seed))
    return learn(model, some.items, some.labels, some.classes, settled, settled.passes(len(some.items)))


def from_scratch(model: Model, some: Labelled, seed: int) -> Classifier:
    """The same network, views and labels without pretraining, at the learning rate and length that suit it best."""
    blank, test = model.untrained(seed=seed), FinetunePlan(seed=seed)
    usual = usual_epochs(len(some.items), test.batch_size)
    steps = usual * max(1, len(some.items) // test.batch_size)
    times = max(1, min(LONGER, MOST_STEPS // steps))
    settled = finetune_settings(blank, test, gentle=STEEPER)._replace(penalty=None)
    return learn(blank, some.items, some.labels, some.classes, settled, times * usual)


def student_of(
    teacher: Classifier, model: Model, train: Labelled, test: DistillPlan, seconds: float | None = None
) -> Classifier:
    """A student trained on all training items, without their labels; it starts from the model if networks agree."""
    begins, items = test.encoder == "same" and test.width is None, train.items
    student = begun(fresh(teacher.model, test), model) if begins else fresh(teacher.model, test)
    nobody = np.full_like(train.labels, UNLABELLED)
    return distil(teacher, student, items, nobody, lesson(test, len(items), seconds, begun=begins))


def _answers(classifier: Classifier, test: Labelled) -> Int64[np.ndarray, "m ..."]:
    return classifier.label_type.decided(classifier.probabilities(test.items))
