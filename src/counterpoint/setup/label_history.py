"""Whether a run has learned from labels, in which case its scores are not self-supervised ones."""

from __future__ import annotations

from pathlib import Path

from counterpoint.catalogue.trust import require_trusted
from counterpoint.classification.classifier import RECORD, Classifier
from counterpoint.errors import CounterpointError, RunError
from counterpoint.model import Model
from counterpoint.plans import Plan
from counterpoint.runs import run_folder
from counterpoint.setup.capabilities import learns_from_labels
from counterpoint.storage.files import expanded

LEARNED = "learned_from_labels"
"""The key of this in records."""


def saw_any(*models: Model | Classifier | str | Path) -> bool | None:
    """Whether any of several models has."""
    answers = [saw_labels(each) for each in models]
    return True if True in answers else None if None in answers else False


def saw_labels(model: Model | Classifier | str | Path) -> bool | None:
    """Whether it has learned from classes or labelled pairs; None where no record says so.

    Labels that were only used to monitor a run do not count.
    """
    if not isinstance(model, str | Path):
        return True if isinstance(model, Classifier) else None
    if (expanded(model) / RECORD).exists():
        return True
    try:
        plan = run_folder.read_plan(expanded(model))
    except RunError:  # a model can be moved without its plan
        return None
    learned = plan.get("learned_from_labels")
    if learned is not None:
        return learned
    if plan.get("classes"):
        return True
    settled = plan["settled"]
    if "method" not in settled:
        return None
    try:
        require_trusted(settled, model)
        return learns_from_labels(Plan.of({name: settled[name] for name in ("method", "negatives") if name in settled}))
    except CounterpointError:  # a part from outside that is not at hand, or not trusted
        return None
