"""The verb ``label_efficiency``: accuracy by number of labels, with and without pretraining."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.classification.classifier import RECORD
from counterpoint.data.overlap import note_on_shared, note_on_shared_groups, shared
from counterpoint.data.splits import class_counts
from counterpoint.errors import InputError, LabelError
from counterpoint.evaluation.labelled import groups_between
from counterpoint.evaluation.probe import note_on_groups
from counterpoint.evaluation.repeats import ONE_DRAW
from counterpoint.model import Model, load
from counterpoint.output.results import Result
from counterpoint.reports.efficiency import NAMES
from counterpoint.runs import run_folder
from counterpoint.runs.locks import holds_run
from counterpoint.runs.provenance import placed
from counterpoint.setup.finetune_config import require_views
from counterpoint.setup.label_budget import read_budget
from counterpoint.setup.progress import console
from counterpoint.setup.supervision import unseen
from counterpoint.setup.train_test import parted
from counterpoint.storage.files import expanded, write_json
from counterpoint.verbs.label_budgets import BudgetStudy, at_budgets
from counterpoint.verbs.verb import verb

BUDGETS = ("1", "5", "10", "50", "1%", "10%", "100%")


@verb()
@holds_run
def label_efficiency(
    model: Model | str | Path,
    train: object,
    test: object = None,
    *,
    labels: object = None,
    groups: object = None,
    budget: Sequence[str | int] = (),
    draws: int = 3,
    seed: int = 0,
    quiet: bool = False,
) -> Result:
    """Accuracy by number of labels, from scratch and pretrained: mean, interval, paired difference.

    Args:
        model: A model trained without labels, or its run folder, into which ``budget.json`` is written.
        train: The training items, as for ``fit``, some or all of them with labels.
        test: The test items. Without it a fifth of every class is held out.
        labels: As for ``finetune``; a pair of those for train and test.
        groups: As for ``evaluate``: no split separates a group, and intervals are over groups.
        budget: ``"10"`` for labels per class, ``"1%"`` for a share of each class; 1 5 10 50 1% 10% 100% when
            none is named. Those for which there are too few labels are left out, with the reason.
        draws: How often labels are drawn and weights initialised.
        seed: Seed of the draws and the held-out items.
        quiet: Print nothing.

    Raises:
        InputError: The labels or a budget cannot be used; the message says what to do.
    """
    wanted = [read_budget(str(each)) for each in budget or BUDGETS]
    if draws < 1:
        raise InputError(f"Labels are drawn at least once. Got draws={draws}.")
    kept = model if isinstance(model, Model) else load(model)
    if isinstance(model, str | Path) and (expanded(model) / RECORD).exists():
        raise LabelError(f"The model in '{model}' has learned from labels. Give the run that it began at.")
    require_views(kept)
    unseen(labels, kept.modality)
    train_items, test_items = parted(kept, train, test, labels, seed=seed, groups=groups)
    result = at_budgets(BudgetStudy(kept, train_items, test_items, draws, seed), wanted, tell=tell)
    class_ids = train_items.labels if test is not None else np.concatenate([train_items.labels, test_items.labels])
    record = {
        **result,
        "classes": class_counts(class_ids, train_items.classes),
        "shared": 0 if test is None else shared(test_items.items, train_items.items),
        **groups_between(train_items.items, test_items, separate=test is not None),
        **placed("train", train),
        **placed("test", test),
    }
    if isinstance(model, str | Path):
        write_json(expanded(model) / run_folder.BUDGET, record)
    return Result(record, efficiency_table)


def efficiency_table(result: Mapping[str, Any]) -> str:
    """The result of ``label_efficiency`` as plain text."""
    names = list(result["rows"][0]["ways"])
    lines = [["labels", *(NAMES[name] for name in names)]]
    for row in result["rows"]:
        lines.append([row["budget"], *(_cell(row["ways"][name], row["differences"].get(name)) for name in names)])
    widths = [max(len(line[place]) for line in lines) for place in range(len(names) + 1)]
    text = ["  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    text.append(
        f"Accuracy on {result['asked']:,} test items, mean of {result['draws']} draws of the labels; in brackets how "
        f"many points better than {NAMES[names[0]]}, with the interval of the paired difference; all "
        f"{result['comparisons']} hold together in 95 % of tables."
    )
    if result["draws"] == 1:
        text.append(ONE_DRAW)
    text += [note_on_shared(result["shared"], result["asked"])] if result.get("shared") else []
    text += [note_on_groups(result["groups"])] if result.get("groups") else []
    text += [note_on_shared_groups(result["shared_groups"])] if result.get("shared_groups") else []
    text += [f"{each['budget']} is left out. {each['reason']}" for each in result["left_out"]]
    return "\n".join(text)


def _cell(score: Mapping[str, Any], difference: Mapping[str, float] | None) -> str:
    if difference is None:
        return f"{score['value']:6.1%}"
    value, low, high = (100 * difference[end] for end in ("value", "low", "high"))
    return f"{score['value']:6.1%} ({value:+.1f}: {low:+.1f}, {high:+.1f})"


def tell(row: Mapping[str, Any]) -> None:
    """Print the scores at one budget."""
    scores = ", ".join(f"{NAMES[name]} {score['value']:.1%}" for name, score in row["ways"].items())
    console().print(f"{row['budget']}: {scores} ({row['seconds']:.0f} s)", markup=False)
