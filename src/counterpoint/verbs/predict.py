"""The verb ``predict``: the likeliest class of every item."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from counterpoint.classification.classifier import Classifier, load_classifier
from counterpoint.classification.predictions import Prediction, Predictions
from counterpoint.setup.progress import may_be_quiet
from counterpoint.storage.files import expanded, write_text
from counterpoint.storage.separated_values import separated


@may_be_quiet
def predict(
    model: Classifier | str | Path,
    source: object,
    *,
    quiet: bool = False,
) -> Predictions:
    """The likeliest class of every item of a source, with its probability and those of all classes."""
    kept = model if isinstance(model, Classifier) else load_classifier(model)
    return kept.predict(source)


def write_predictions(predictions: Sequence[Prediction], path: str | Path, *, spreadsheet_safe: bool = False) -> None:
    """A table with the columns name, label and probability, written whole or not at all.

    With ``spreadsheet_safe``, names and labels that a spreadsheet would take for formulas have ' before them.
    """
    rows = [(each.name, each.label, f"{each.probability:.6f}") for each in predictions]
    table = separated([("name", "label", "probability"), *rows], spreadsheet_safe=spreadsheet_safe)
    write_text(expanded(path), table)
